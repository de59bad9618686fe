"""
Small messages whose back references amount to many items.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly, jelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.amplification import check_amplification
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.decode import decode_plain
from pbrealm._wire.encode import encode_plain
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.tokens import NotPlain
from tests.wire.objects import Root
from tests.wire.pair import Pair
from tests.wire.plain import graphs, twisted_encode, written


def doubling(times: int, last: list[Any]) -> list[Any]:
    """Jelly of nested pairs, each of the same pair twice; then C{last}, which refers to it."""
    steps: list[Any] = [[b"reference", 0, [b"tuple", 1, 2]]]
    for number in range(1, times):
        below = [b"dereference", number - 1]
        steps.append([b"reference", number, [b"tuple", below, below]])
    return [b"list", *steps, last]


class AmplificationTests(SynchronousTestCase):
    @given(graphs())
    def test_what_is_made_of_objects(self, graph: object) -> None:
        """What jelly makes of real objects is accepted, shared and circular ones too."""
        check_amplification(jelly(graph), MessageLimits(items=1_000_000))

    def test_doubling(self) -> None:
        check_amplification(
            doubling(15, [b"list", [b"dereference", 14]]), MessageLimits(items=1_000_000)
        )
        for last in ([b"set", [b"dereference", 39]], [b"None"]):
            self.assertRaises(
                MessageTooLarge,
                check_amplification,
                doubling(40, last),
                MessageLimits(items=1_000_000),
            )

    def test_hidden_in_a_dictionary(self) -> None:
        """A dictionary key that looks like a reference isn't counted as one."""
        hidden = [b"dictionary", [b"dereference", doubling(40, [b"None"])]]
        self.assertRaises(
            MessageTooLarge, check_amplification, hidden, MessageLimits(items=1_000_000)
        )
        check_amplification(
            [b"dictionary", [b"dereference", 7], [b"reference", 7]], MessageLimits(items=100)
        )

    def test_backwards(self) -> None:
        """References to later objects are refused."""
        forward = [b"list", [b"set", [b"dereference", 1]], [b"reference", 1, [b"tuple"]]]
        self.assertRaises(InsecureJelly, check_amplification, forward, MessageLimits(items=100))

    def test_keys(self) -> None:
        """To hash a key takes all that it repeats, so little may be repeated in keys."""
        few, many = ([b"dereference", depth - 1] for depth in (10, 15))
        for last in (
            [b"set", many],
            [b"frozenset", [b"tuple", many]],
            [b"dictionary", [many, 1]],
            [b"dictionary", *([[b"tuple", few, n], 1] for n in range(16))],
        ):
            jelly = doubling(15, last)
            self.assertRaises(MessageTooLarge, check_amplification, jelly, MessageLimits())
        for last in ([b"set", few], [b"dictionary", [few, many]]):
            check_amplification(doubling(15, last), MessageLimits())

    def test_decoder_refuses_keys(self) -> None:
        """The decoder of plain data counts them by their bytes."""
        for depth, refused in ((12, False), (15, True)):
            key = [b"dereference", depth - 1]
            for last in ([b"set", key], [b"frozenset", key], [b"dictionary", [key, 1]]):
                encoded = written(doubling(depth, last))
                if refused:
                    self.assertRaises(NotPlain, decode_plain, encoded, 0)
                else:
                    decode_plain(encoded, 0)

    def test_keys_that_share(self) -> None:
        """Keys with a part in common are ordinary."""
        corner = (1, (2, 3))
        for keys in ([(corner, n) for n in range(10_000)], [(corner, corner)]):
            made = dict.fromkeys(keys, 1)
            self.assertEqual(decode_plain(encode_plain(made), 0), made)
            check_amplification(jelly(made), MessageLimits())

    def test_decoder_leaves_it(self) -> None:
        """The decoder of plain data refuses it too."""
        encoded = written(doubling(40, [b"set", [b"dereference", 39]]))
        self.assertRaises(NotPlain, decode_plain, encoded, 0)
        few = [0] * 100
        self.assertEqual(decode_plain(twisted_encode([few, few]), 0), [few, few])

    def test_broker(self) -> None:
        pair = Pair(pb.Root())
        broker: FastBroker = pair.server
        broker.limits = MessageLimits(items=1000)
        bomb = doubling(40, [b"set", [b"dereference", 39]])
        self.assertRaises(MessageTooLarge, broker.unserialize, bomb)

    def test_strings(self) -> None:
        """A string counts by its bytes wherever it's referred to."""
        text = [b"tuple", [b"unicode", b"x" * 14_000]]
        shared = [b"list", [b"reference", 1, text], *[[b"dereference", 1]] * 900]
        check_amplification(shared, MessageLimits())
        for limits in (MessageLimits(message_bytes=1_000_000), MessageLimits(items=1000)):
            self.assertRaises(MessageTooLarge, check_amplification, shared, limits)
        doubled = doubling(15, [b"dereference", 14])
        doubled[1][2] = text
        self.assertRaises(MessageTooLarge, check_amplification, doubled, MessageLimits())

    def test_limits_of_the_connection(self) -> None:
        """A broker that allows few bytes allows few by reference."""
        pair = Pair(Root())
        shared = (b"x" * 1000,)
        many = [shared] * 100
        self.assertEqual(pair.call("echo", many), [(many,), {}])
        pair.server.limits = MessageLimits(message_bytes=16 * 1024)
        self.assertEqual(pair.call("echo", [shared] * 10), [([shared] * 10,), {}])
        for broker in (True, False):
            pair = Pair(Root(), fast_client=broker)
            pair.server.limits = MessageLimits(message_bytes=16 * 1024)
            why = pair.call("echo", many)
            self.assertIn(b"MessageTooLarge", repr(why.type).encode())
            self.assertEqual(len(self.flushLoggedErrors(MessageTooLarge)), 1)


class HarmlessSharingTests(SynchronousTestCase):
    def test_what_programs_share(self) -> None:
        """A thousand objects that share parts are still decoded in one pass."""
        position, items = {"x": 1.5, "y": -2.25}, ["sword", "shield", "bow"]
        players = [{"n": n, "position": position, "items": items} for n in range(1000)]
        made = decode_plain(encode_plain(players), 0)
        self.assertEqual(made, players)
        self.assertIs(made[0]["items"], made[999]["items"])
