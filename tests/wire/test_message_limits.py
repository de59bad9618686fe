"""
Messages beyond the limits are refused before they cost anything.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

from twisted.spread.banana import SIZE_LIMIT, BananaError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.banana import FastBanana
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from tests.examples import examples
from tests.wire.objects import Root
from tests.wire.pair import Pair
from tests.wire.plain import written
from tests.wire.streams import listening


class MessageLimitsTests(SynchronousTestCase):
    """
    L{MessageLimits}.
    """

    def limited(self, **bounds: int) -> tuple[Any, list[Any]]:
        listener, heard = listening(FastBanana)
        listener.limits = MessageLimits(**bounds)
        return listener, heard

    def check(self, within: Any, beyond: bytes, **bounds: int) -> None:
        for step in (1, 10, 10**6):
            listener, heard = self.limited(**bounds)
            stream = written(within)
            for _ in range(2):
                for start in range(0, len(stream), step):
                    listener.dataReceived(stream[start : start + step])
            self.assertEqual(heard, [within, within])
            with self.assertRaises(MessageTooLarge):
                for start in range(0, len(beyond), step):
                    listener.dataReceived(beyond[start : start + step])
            self.assertRaises(MessageTooLarge, listener.dataReceived, b"\x01\x81")

    def test_depth(self) -> None:
        """Nested lists are refused when the innermost is announced."""
        self.check([[[[]]]], b"\x01\x80" * 4, depth=3)
        self.check([[[b"x"]]], b"\x01\x80" * 4, depth=3)

    def test_items(self) -> None:
        """Items are counted when they're announced."""
        self.check([1, [2, 3], []], b"\x06\x80", items=5)
        self.check([1, [2, 3], []], b"\x03\x80\x02\x80\x00\x80\x00\x80\x01\x80", items=5)

    def test_bytes(self) -> None:
        """A long string is refused when it's announced, short items at the limit."""
        self.check([b"x" * 90], b"\x01\x80\x63\x82", message_bytes=100)
        self.check([b"x" * 90], b"\x7f\x80" + b"\x00\x00\x81" * 40, message_bytes=100)
        self.check(b"x" * 98, b"\x63\x82" + b"x" * 99, message_bytes=100)

    def test_is_bananas_error(self) -> None:
        """Code that handles banana's own errors also handles L{MessageTooLarge}."""
        self.assertTrue(issubclass(MessageTooLarge, BananaError))

    def test_loosened_and_tightened(self) -> None:
        """The limits may change while a part of a message has arrived."""
        listener, heard = self.limited(depth=2)
        listener.dataReceived(b"\x01\x80\x01\x80")
        listener.limits = MessageLimits(depth=3)
        listener.dataReceived(b"\x01\x80\x05\x81\x01\x80\x01\x80")
        self.assertEqual(heard, [[[[5]]]])
        listener.limits = MessageLimits(depth=1)
        self.assertRaises(MessageTooLarge, listener.dataReceived, b"\x01\x80")

    def test_changed_by_a_message(self) -> None:
        """The next message in the same bytes is held to the new limits."""
        listener, heard = self.limited(depth=1)

        def welcome(sexp: Any) -> None:
            heard.append(sexp)
            listener.limits = MessageLimits(depth=2)

        listener.expressionReceived = welcome
        listener.dataReceived(written([1]) + written([[2]]))
        self.assertEqual(heard, [[1], [[2]]])

    def test_announcements_cost_nothing(self) -> None:
        """Announcing the largest list and string takes no memory."""
        listener, _ = self.limited()
        listener.dataReceived(b"\x01\x81")
        size = SIZE_LIMIT
        length = bytes((size & 127, size >> 7 & 127, size >> 14))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        listener.dataReceived(length + b"\x80" + length + b"\x82")
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 10_000)

    def test_unfinished_message_costs_its_bytes(self) -> None:
        """Items of an incomplete message are kept as bytes, not as objects."""
        listener, heard = self.limited()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        listener.dataReceived(b"\x00\x00\x28\x80")
        pieces = examples(1000)
        for _ in range(pieces):
            listener.dataReceived(b"\x00\x80" * 200)
        listener.dataReceived(b"")
        self.assertEqual(heard, [])
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 2 * 400 * pieces)

    def test_pieces_are_not_copied_over_and_over(self) -> None:
        """A long string in small pieces takes time linear in its size."""
        listener, heard = self.limited()
        body = b"x" * SIZE_LIMIT
        stream = written(body)
        for start in range(0, len(stream), 100):
            listener.dataReceived(stream[start : start + 100])
        self.assertEqual(heard, [body])


class BrokerLimitsTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """A message beyond the limits is refused, and what it would call isn't called."""
        root = Root()
        pair = Pair(root)
        pair.server.limits = MessageLimits(message_bytes=100)
        pair.root().callRemote("keep", "x" * 200)
        self.assertRaises(MessageTooLarge, pair.pump)
        self.assertEqual(root.kept, [])
