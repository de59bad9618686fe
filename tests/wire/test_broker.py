"""
L{FastBroker}, with itself and with Twisted's at the other end.
"""

from __future__ import annotations

import datetime
import gc
import itertools
import re
import tracemalloc
from typing import Any

from hypothesis import given, settings
from twisted.python import failure
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.broker import FastBroker
from tests.examples import examples, slow
from tests.wire.objects import Point, Root
from tests.wire.pair import Pair
from tests.wire.plain import graphs, outcome, trees, twisted_encode, twisted_sexp

FAST_AND_PLAIN = list(itertools.product([True, False], repeat=2))


class SameConversationTests(SynchronousTestCase):
    """
    What's written on a connection is the same whoever writes it.
    """

    def converse(self, fast_server: bool, fast_client: bool) -> tuple[dict[str, bytes], list[str]]:
        Point.asked = 0
        # Failures are numbered as they are made, and say so on the wire.
        self.patch(failure, "count", 0)
        root = Root()
        pair = Pair(root, fast_server, fast_client)
        shared = [1, {"x": b"y"}]
        seen: list[Any] = [
            pair.call("echo"),
            pair.call("echo", 1, "two", b"three", 4.5, None, True, six=[7, (8, {9})]),
            pair.call("echo", shared, shared, again=shared),
            pair.call("echo", datetime.datetime(2020, 1, 2), datetime.timedelta(1, 2, 3)),
            pair.call("echo", {b"bytes": {1: ()}, "none": None, (1, 2): frozenset([3])}),
            pair.call("echo", message="message", list=["list"]),
        ]
        point = pair.call("echo", Point([1, 2]), shared, Point("x"))
        seen.append([point[0][0].x, point[0][1], point[0][2].x, Point.asked])
        mine = pb.Referenceable()
        back = pair.call("keep", mine, [mine], {"in": mine})
        seen += [back, [ref.luid for ref in (root.kept[0], root.kept[1][0])]]
        del root.kept[:]
        pair.pump()
        first, second = pair.call("me")
        seen += [first.luid, second["also"][0].luid]
        del first, second
        pair.pump()
        mirrored = pair.call("mirror")
        answers: list[Any] = []
        for observer in root.mirror.observers:
            observer.callRemote("add", 3, [4], five=6).addBoth(answers.append)
        pair.pump()
        seen += [mirrored.state, answers]
        del mirrored
        pair.pump()
        seen.append(root.mirror.stopped)
        for method, *args in (["fail", "no"], ["nothing"], ["wants_one", 1, 2]):
            # Each on a connection of its own, as Twisted 24.7 can't read all that it sends.
            other = Pair(root, fast_server, fast_client)
            refusal = outcome(other.call, method, *args)
            seen += [getattr(refusal, "type", refusal), getattr(refusal, "value", 0), other.said]
        answers = []
        pair.root().callRemote("later").addBoth(answers.append)
        pair.pump()
        root.later.callback({"late": [1]})
        pair.pump()
        seen.append(answers)
        self.assertIsNone(pair.root().callRemote("keep", [1], pbanswer=False))
        pair.pump()
        seen.append(root.kept)
        pair.close()
        return pair.said, [re.sub(" at 0x[0-9a-f]*", "", repr(item)) for item in seen]

    def test_same(self) -> None:
        """Calls, answers, references, copies, caches and errors."""
        said, seen = self.converse(False, False)
        self.addCleanup(self.flushLoggedErrors)
        for fast_server, fast_client in FAST_AND_PLAIN:
            ours_said, ours_seen = self.converse(fast_server, fast_client)
            self.assertEqual(ours_seen, seen)
            self.assertEqual(ours_said, said)

    @settings(max_examples=examples(30))
    @given(graphs(cycles=False), trees)
    def test_any_plain_data(self, obj: Any, other: Any) -> None:
        """Arguments and answers that are plain data, there and back."""
        said = []
        for fast_server, fast_client in FAST_AND_PLAIN:
            pair = Pair(Root(), fast_server, fast_client)
            (args, kw) = pair.call("echo", obj, other, obj, key=obj)
            said.append((pair.said, twisted_encode([args, kw])))
            pair.close()
        for one in said:
            self.assertEqual(one, said[0])


class OverriddenMethodsTests(SynchronousTestCase):
    def test_hooks_are_called(self) -> None:
        """A subclass that overrides the broker's own methods is asked."""
        asked: list[Any] = []

        class Curious(FastBroker):
            def expressionReceived(self, sexp: Any) -> None:
                asked.append(("expression", [*sexp]))
                super().expressionReceived(sexp)

            def proto_answer(self, requestID: Any, netResult: Any) -> None:
                asked.append(("answer", requestID, list(netResult)))
                super().proto_answer(requestID, netResult)

            def sendCall(self, *exp: Any) -> None:
                asked.append(("send", [*exp]))
                super().sendCall(*exp)

            def proto_hello(self, *exp: Any) -> None:
                asked.append(("hello", [*exp]))

        pair = Pair(Root())
        pair.client.__class__ = Curious
        self.assertEqual(pair.call("echo", 1), [(1,), {}])
        pair.server.sendCall(b"hello", 1, [2, [b"three"]])
        pair.pump()
        answer = [b"list", [b"tuple", 1], [b"dictionary"]]
        self.assertEqual(
            asked,
            [
                (
                    "send",
                    [b"message", 1, b"root", b"echo", 1, [b"tuple", 1], [b"dictionary"]],
                ),
                ("expression", [b"answer", 1, answer]),
                ("answer", 1, answer),
                ("expression", [b"hello", 1, [2, [b"three"]]]),
                ("hello", [1, [2, [b"three"]]]),
            ],
        )


class SameErrorsTests(SynchronousTestCase):
    """
    Errors are raised where Twisted raises them.
    """

    def both(self, check: Any) -> None:
        for fast in (True, False):
            check(Pair(Root(), fast, fast))

    def test_dead_broker(self) -> None:
        """A call through a connection that is gone raises at once; a waiting one fails."""

        def check(pair: Pair) -> None:
            root = pair.root()
            failures: list[Any] = []
            root.callRemote("later").addErrback(failures.append)
            pair.pump()
            pair.close()
            self.assertEqual([why.type for why in failures], [pb.PBConnectionLost])
            self.assertRaises(pb.DeadReferenceError, root.callRemote, "echo", 1)
            self.assertRaises(
                pb.DeadReferenceError, root.callRemote, "echo", pb.Copyable(), pbanswer=0
            )

        self.both(check)

    def test_what_jelly_refuses(self) -> None:
        """The Deferred fails, and nothing is written."""

        def check(pair: Pair) -> None:
            for argument, error in (
                ("\ud800", UnicodeEncodeError),
                (datetime.datetime.now(datetime.timezone.utc), NotImplementedError),
            ):
                failures: list[Any] = []
                pair.root().callRemote("echo", [argument]).addErrback(failures.append)
                self.assertEqual([why.type for why in failures], [error])
            self.assertEqual(pair.client.transport.value(), b"")

        self.both(check)

    def test_what_banana_refuses(self) -> None:
        """It's raised, as late as that."""

        def check(pair: Pair) -> None:
            for argument in (2**448, b"x" * (banana.SIZE_LIMIT + 1)):
                self.assertRaises(banana.BananaError, pair.root().callRemote, "echo", [argument])
            self.assertEqual(pair.client.transport.value(), b"")

        self.both(check)

    @slow
    def test_list_that_banana_refuses(self) -> None:
        """The same for a list, which jelly makes another of first."""

        def check(pair: Pair) -> None:
            argument = [0] * banana.SIZE_LIMIT
            self.assertRaises(banana.BananaError, pair.root().callRemote, "echo", [argument])
            self.assertEqual(pair.client.transport.value(), b"")

        self.both(check)

    def test_recursion(self) -> None:
        """What's too deep for jelly fails."""

        def check(pair: Pair) -> None:
            deep: list[Any] = []
            for _ in range(10_000):
                deep = [deep]
            failures: list[Any] = []
            pair.root().callRemote("echo", deep).addErrback(failures.append)
            self.assertEqual([why.type for why in failures], [RecursionError])

        self.both(check)

    def test_deeper_than_the_short_way(self) -> None:
        """What only Twisted's jelly takes arrives."""

        def check(pair: Pair) -> None:
            deep: list[Any] = []
            for _ in range(150):
                deep = [deep]
            self.assertEqual(pair.call("echo", deep), [(deep,), {}])

        self.both(check)

    def test_odd_arguments(self) -> None:
        """
        Arguments that are no tuple, or no dictionary, are an error, and nothing of them is kept.

        CPython before 3.12 never frees the keyword arguments of a call by C{*} and C{**} if the
        positional ones can't be iterated over.
        """
        empty = [b"dictionary"]
        large = [b"dictionary", [[b"unicode", b"key"], b"x" * 100_000]]
        endless = [b"reference", 1, [b"tuple", [b"dereference", 1]]]
        pair = Pair(Root(), True, False)
        for args, kw in (
            *((5, large), (1.5, large), (b"tuple", large), ([], large), ([b"None"], large)),
            *((endless, large), ([b"tuple", endless], large), ([b"unicode", b"x"], large)),
            *(([b"tuple"], 5), ([b"tuple"], []), ([b"tuple"], [b"tuple"]), (empty, empty)),
        ):
            message = [b"message", 1, b"root", b"echo", 1, args, kw]
            pair.client.sendEncoded(message)
            stream = pair.client.transport.value()
            pair.client.transport.clear()
            pair.server.dataReceived(stream)
            self.assertIn(b"error", twisted_sexp(pair.server.transport.value()))
            pair.server.transport.clear()
            self.flushLoggedErrors()
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            for _ in range(5):
                pair.server.dataReceived(stream)
                pair.server.transport.clear()
                self.flushLoggedErrors()
            gc.collect()
            self.assertLess(tracemalloc.get_traced_memory()[0], 50_000, message[5])
            tracemalloc.stop()

    def test_odd_messages(self) -> None:
        """Messages that are wrong in one way each have the same answer or error."""
        outcomes = []
        for fast in (True, False):
            self.patch(failure, "count", 0)
            pair = Pair(Root(), fast, False)
            for message in (
                [b"message", 1, [b"root"], b"echo", 1, [b"tuple"], [b"dictionary"]],
                [b"message", 1, b"nobody", b"echo", 1, [b"tuple"], [b"dictionary"]],
                [b"message", 1, b"root", [b"echo"], 1, [b"tuple"], [b"dictionary"]],
                [b"message", 1, b"root", b"echo", [1], [b"tuple"], [b"dictionary"]],
                [b"message", 1, b"root", b"echo", 1, [b"list", 1], [b"dictionary", [b"x", 1]]],
                [b"message", 1, b"root", b"echo", 1, [b"tuple", [b"x.y"]], [b"dictionary"]],
                [b"message", 1, b"root", b"echo", 1, [b"tuple", [[b"list"]]], [b"dictionary"]],
                [b"message", 1, b"root", b"echo", 1],
                [b"cachemessage", 1, 7, b"echo", 1, [b"tuple"], [b"dictionary"]],
                [b"answer", 1, [b"list"]],
                [b"error", 1, [b"list"]],
                [b"decref", 5],
                [b"unheard of", 5],
                [1, 2, 3],
                [],
                b"x",
            ):
                pair.client.transport.clear()
                pair.server.transport.clear()
                pair.client.sendEncoded(message)
                stream = pair.client.transport.value()
                error = outcome(pair.server.dataReceived, stream)
                outcomes.append((fast, message, error, pair.server.transport.value()))
                if error is not None:
                    # Twisted's reads the end of the message again, if one doesn't hang up.
                    pair = Pair(Root(), fast, False)
        self.flushLoggedErrors()
        half = len(outcomes) // 2
        for ours, theirs in zip(outcomes[:half], outcomes[half:], strict=True):
            self.assertEqual(ours[1:], theirs[1:])
