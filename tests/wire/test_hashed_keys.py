"""
Keys that are chosen to be slow to add to a dictionary or a set.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly, jelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire import hashed_keys
from pbrealm._wire.amplification import check_amplification
from pbrealm._wire.decode import decode_plain
from pbrealm._wire.hashed_keys import (
    FEW_KEYS,
    MAX_EQUAL_HASHES,
    KeyHashes,
    check_dictionary,
    check_set,
)
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.tokens import NotPlain
from tests.examples import examples
from tests.wire.crafted import same_places
from tests.wire.objects import Point, Root
from tests.wire.pair import Pair
from tests.wire.plain import twisted_encode, written

MODULUS = sys.hash_info.modulus
COUNT = 1000


def colliding() -> dict[str, list[Any]]:
    """Keys of each kind that all have one hash; as jelly, so that none has to be hashed here."""
    numbers: list[Any] = [7 + n * MODULUS for n in range(COUNT)]
    zeros: list[Any] = [n * MODULUS for n in range(1, COUNT + 1)]
    return {
        "numbers": numbers,
        "negative": [-number for number in numbers],
        "floats": [2.0 ** (61 * (n % 10)) * (1 + n % 2) for n in range(20)] + numbers,
        "decimals": [[b"decimal", number, 0] for number in numbers],
        "tuples": [[b"tuple", number, [b"unicode", b"x"]] for number in numbers],
        "nested": [[b"tuple", [b"tuple", [b"tuple", number]]] for number in numbers],
        "frozensets": [[b"frozenset", number] for number in numbers],
        # The hashes of two items with the same hash cancel out.
        "pairs": [[b"frozenset", n, n + MODULUS] for n in range(COUNT)],
        "mixed": [
            *numbers[: COUNT // 2],
            *([b"decimal", number, 0] for number in numbers[COUNT // 2 :]),
        ],
        "zeros": [[b"boolean", b"false"], *zeros],
    }


def containers(keys: list[Any]) -> list[list[Any]]:
    """Each container with keys, as jelly."""
    return [
        [b"set", *keys],
        [b"frozenset", *keys],
        [b"dictionary", *([key, 1] for key in keys)],
    ]


class CollidingKeyTests(SynchronousTestCase):
    def test_decoder(self) -> None:
        """The decoder of plain data refuses them."""
        for keys in colliding().values():
            for container in containers(keys):
                self.assertRaises(MessageTooLarge, decode_plain, written(container), 0)

    def test_through_jelly(self) -> None:
        """They are refused, wherever they are."""
        broker = Pair(pb.Root()).server
        for keys in colliding().values():
            for container in containers(keys):
                for where in (
                    container,
                    [b"list", [b"reference", 1, container], [b"dereference", 1]],
                    [
                        b"tests.wire.objects.Point",
                        [b"dictionary", [[b"unicode", b"x"], container]],
                    ],
                ):
                    self.assertRaises(MessageTooLarge, broker.unserialize, where)

    def test_shared_tuples(self) -> None:
        """A number that is referred to counts as if it were written out."""
        broker = Pair(pb.Root()).server
        shared = [[b"reference", n + 1, [b"tuple", 7 + n * MODULUS, b"x"]] for n in range(COUNT)]
        keys = [[b"tuple", [b"dereference", n + 1]] for n in range(COUNT)]
        for container in containers(keys):
            sexp = [b"list", *shared, container]
            self.assertRaises(MessageTooLarge, decode_plain, written(sexp), 0)
            self.assertRaises(MessageTooLarge, broker.unserialize, sexp)

    def test_set_that_waits_for_a_part(self) -> None:
        """A set with an item that comes later is checked when it's complete."""
        broker = Pair(pb.Root()).server
        point = b"tests.wire.objects.Point"
        numbers = [7 + n * MODULUS for n in range(COUNT // 4)]
        for kind in (b"set", b"frozenset"):
            waiting = [kind, *numbers, [b"dereference", 1]]
            sexp = [b"reference", 1, [point, [b"dictionary", [[b"unicode", b"x"], waiting]]]]
            self.assertRaises(MessageTooLarge, broker.unserialize, sexp)

    def test_key_that_waits_for_a_part(self) -> None:
        """So is a key of a dictionary that is complete only after the dictionary."""
        broker = Pair(pb.Root()).server
        point = b"tests.wire.objects.Point"
        for numbers in ([7 + n * MODULUS for n in range(COUNT)], range(FEW_KEYS + 1)):
            pairs = [[[b"tuple", number, [b"dereference", 1]], 1] for number in numbers]
            state = [b"dictionary", [[b"unicode", b"x"], [b"dictionary", *pairs]]]
            self.assertRaises(
                MessageTooLarge, broker.unserialize, [b"reference", 1, [point, state]]
            )

    def test_references_of_a_peer(self) -> None:
        """
        References are hashed by a number that the peer chooses, which is too small for many to
        collide.
        """
        broker = Pair(pb.Root()).server
        # The references may be collected together with the broker.
        broker.sendDecRef = lambda luid: None
        remote = [[b"remote", 7 + n * MODULUS] for n in range(COUNT)]
        for container in containers(remote):
            self.assertRaises(InsecureJelly, broker.unserialize, container)

    def test_numbers_of_references(self) -> None:
        """So is what jelly refers back to."""
        for number in (2**61, -(2**61), 2.5):
            sexp = [b"reference", number, [b"list"]]
            self.assertRaises(NotPlain, decode_plain, written(sexp), 0)
            self.assertRaises(InsecureJelly, check_amplification, sexp, MessageLimits())
            back = [b"list", [b"dereference", number]]
            self.assertRaises(InsecureJelly, check_amplification, back, MessageLimits())

    def test_ids_of_cached_objects(self) -> None:
        """And what this end caches for the peer."""
        broker = Pair(pb.Root()).server
        for cid in (2**61, -1, b"1", 1.5):
            self.assertRaises(InsecureJelly, broker.cacheLocally, cid, object())
        self.assertEqual(broker.locallyCachedObjects, {})

    def test_number_of_cached_objects(self) -> None:
        """A peer has no more cached than a broker ever does."""
        broker = Pair(pb.Root()).server
        for cid in range(pb.MAX_BROKER_REFS + 1):
            broker.cacheLocally(cid, object())
        self.assertRaises(InsecureJelly, broker.cacheLocally, 5000, object())

    def test_call(self) -> None:
        """The caller gets an error, and the connection goes on."""
        pair = Pair(Root())
        keys = frozenset(n * MODULUS for n in range(COUNT))
        why = pair.call("echo", keys)
        self.assertIn(b"MessageTooLarge", repr(why.type).encode())
        self.assertEqual(pair.call("echo", 1), [(1,), {}])
        self.assertEqual(len(self.flushLoggedErrors(MessageTooLarge)), 1)


class SamePlacesTests(SynchronousTestCase):
    """
    Keys with different hashes that are tried at the same places of a table.
    """

    def setUp(self) -> None:
        self.patch(hashed_keys, "FEW_KEYS", 500)
        self.patch(hashed_keys, "_FIRST_SIZE", 1024)

    def test_dictionary(self) -> None:
        """They are refused, whatever the table that they are made for."""
        keys = same_places(4096)
        self.assertRaises(MessageTooLarge, check_dictionary, keys)
        # Once the table has grown, there are many more keys.
        self.assertRaises(MessageTooLarge, check_dictionary, [*keys, *range(10**6, 10**6 + 900)])
        self.assertRaises(MessageTooLarge, check_dictionary, [Decimal(key) for key in keys])
        check_dictionary(keys[:2100])

    def test_decoder_and_jelly(self) -> None:
        pairs = [b"dictionary", *([key, 1] for key in same_places(4096))]
        self.assertRaises(MessageTooLarge, decode_plain, written(pairs), 0)
        broker = Pair(pb.Root()).server
        self.assertRaises(MessageTooLarge, broker.unserialize, pairs)

    def test_set(self) -> None:
        """
        A set tries ten places next to each other before the next.  Multiples of a large number
        come close to what is refused.
        """
        check_set(range(5000))
        check_set([number << 40 for number in range(5000)])
        self.patch(hashed_keys, "_MAX_PLACES", 1)
        self.assertRaises(MessageTooLarge, check_set, [number << 40 for number in range(5000)])


class OrdinaryKeyTests(SynchronousTestCase):
    def test_ordinary_keys(self) -> None:
        """What programs use for keys isn't refused."""
        broker = Pair(pb.Root()).server
        many = range(-examples(5000), examples(5000))
        for keys in (
            list(many),
            [str(n) for n in many],
            [b"%d" % n for n in many],
            [n / 8 for n in many],
            [(n, -n) for n in many],
            [((n, "x"), n * 0.5) for n in many],
            [2.0**n for n in range(-1074, 1024)],
            [2**n for n in range(440)],
            [Decimal(n) / 100 for n in many],
            [frozenset({n, n + 1}) for n in many],
            [n * 2**40 for n in many],
        ):
            for made in (set(keys), frozenset(keys), dict.fromkeys(keys, 1)):
                self.assertEqual(decode_plain(twisted_encode(made), 0), made)
                self.assertEqual(broker.unserialize(jelly(made)), made)

    def test_few_that_collide(self) -> None:
        """As many as may be."""
        keys: dict[Any, int] = {n * MODULUS: n for n in range(1, MAX_EQUAL_HASHES + 1)}
        self.assertEqual(decode_plain(twisted_encode({**keys, "x": 1}), 0), {**keys, "x": 1})
        too_many = twisted_encode({**keys, 0: 1})
        self.assertRaises(MessageTooLarge, decode_plain, too_many, 0)

    def test_state_of_instances(self) -> None:
        """Instances are hashed by what they are, and their state is as it was."""
        pair = Pair(Root())
        point = pair.call("echo", Point({1: 2}))[0][0]
        self.assertEqual(point.x, {1: 2})

    def test_unhashable(self) -> None:
        """What can't be a key is refused as ever."""
        self.assertRaises(TypeError, KeyHashes().add, [])
