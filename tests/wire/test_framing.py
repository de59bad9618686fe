"""
FastBanana finds the same messages as Twisted's, and refuses large ones before they cost anything.
"""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.spread.banana import SIZE_LIMIT, Banana, BananaError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.banana import FastBanana
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from tests.wire.plain import graphs, integers, outcome, trees, twisted_encode, written


def listening(kind: type[Banana], dialect: bytes = b"pb") -> tuple[Any, list[Any]]:
    """A decoder, and what it has heard."""
    listener = kind()
    listener.makeConnection(StringTransport())
    listener._selectDialect(dialect)
    heard: list[Any] = []
    listener.expressionReceived = heard.append
    return listener, heard


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces.  None is empty, as a transport never delivers nothing."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    cut = [stream[start:end] for start, end in itertools.pairwise(places)]
    return [piece for piece in cut if piece]


tokens = st.builds(
    lambda digits, kind, body: digits + bytes((kind,)) + body,
    st.binary(max_size=3).map(lambda some: bytes(byte & 127 for byte in some)),
    st.integers(0x80, 0x88),
    st.binary(max_size=10),
)
"""Tokens, valid and invalid."""

sexps = st.recursive(
    integers | st.floats() | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=5),
)


class SameStreamTests(SynchronousTestCase):
    """
    L{FastBanana.dataReceived} against L{Banana.dataReceived}.
    """

    def run_both(self, stream: list[bytes], dialect: bytes = b"pb") -> None:
        ours, heard = listening(FastBanana, dialect)
        # What ours bounds beside banana's own limits has its tests below.
        ours.limits = MessageLimits(2**60, 2**60, 2**60)
        theirs, expected = listening(Banana, dialect)
        for piece in stream:
            error = outcome(theirs.dataReceived, piece)
            self.assertEqual(outcome(ours.dataReceived, piece), error)
            self.assertEqual(repr(heard), repr(expected))
            if error is not None:
                break

    @given(st.lists(sexps, max_size=4), st.lists(st.integers(0, 2000), max_size=9))
    def test_messages(self, messages: list[Any], cuts: list[int]) -> None:
        """Any messages, however the stream is split, come out at the same pieces."""
        self.run_both(pieces(b"".join(map(written, messages)), cuts))

    @given(trees)
    def test_byte_by_byte(self, obj: object) -> None:
        """Each piece is one byte."""
        stream = twisted_encode(obj) * 2
        self.run_both([bytes((byte,)) for byte in stream])

    @given(graphs(), st.lists(st.integers(0, 2000), max_size=9))
    def test_graphs(self, obj: object, cuts: list[int]) -> None:
        """Jelly, however the stream is split."""
        self.run_both(pieces(twisted_encode(obj), cuts))

    @given(st.lists(tokens, max_size=9), st.lists(st.integers(0, 99), max_size=5))
    def test_nonsense(self, nonsense: list[bytes], cuts: list[int]) -> None:
        """Invalid tokens raise the same errors at the same pieces."""
        self.run_both(pieces(b"".join(nonsense), cuts))

    @given(st.lists(tokens, max_size=9), st.lists(st.integers(0, 99), max_size=5))
    @example([b"\x00\x00\x15\x80", b"\x00\x00\x16\x80", b"\x00\x00\x16\x80"], [])
    def test_nonsense_without_vocabulary(self, nonsense: list[bytes], cuts: list[int]) -> None:
        """In the dialect C{none}, vocabulary tokens are errors."""
        self.run_both(pieces(b"".join(nonsense), cuts), b"none")

    @given(st.binary(max_size=60))
    def test_any_bytes(self, stream: bytes) -> None:
        """Random bytes."""
        self.run_both([stream])

    def test_numbers_too_long(self) -> None:
        """A prefix beyond the limit, complete or not."""
        for stream in (b"\x01" * 64, b"\x01" * 65, b"\x01" * 64 + b"\x85", b"\x01" * 65 + b"\x85"):
            self.run_both([stream])
            self.run_both([bytes((byte,)) for byte in stream])

    def test_announced_too_long(self) -> None:
        """A list or a string beyond banana's limit is refused at its header."""
        for kind in (b"\x80", b"\x82"):
            self.run_both([b"\x00\x00\x28" + kind])
            self.run_both([b"\x01\x00\x28" + kind])

    def test_float_within_list(self) -> None:
        """A float, whose body has no length in its header, may be split too."""
        stream = written([1.5, [2.5], 3])
        self.run_both([bytes((byte,)) for byte in stream])


class StreamTests(SynchronousTestCase):
    """
    What L{FastBanana} does differently.
    """

    def test_same_error_again(self) -> None:
        """After an error every further call raises the same."""
        listener, heard = listening(FastBanana)
        for _ in range(3):
            self.assertRaises(NotImplementedError, listener.dataReceived, b"\x01\x81\x88\x01\x81")
        self.assertEqual(heard, [1])

    def test_error_in_a_handler(self) -> None:
        """If handling a message fails, the next message is still handled."""
        listener, heard = listening(FastBanana)

        def fail(_: Any) -> None:
            listener.expressionReceived = heard.append
            raise RuntimeError

        listener.expressionReceived = fail
        self.assertRaises(RuntimeError, listener.dataReceived, b"\x01\x81\x02\x81\x03")
        listener.dataReceived(b"\x81")
        self.assertEqual(heard, [2, 3])

    def test_from_within(self) -> None:
        """Bytes that arrive while a message is handled come after those that are there."""
        listener, heard = listening(FastBanana)

        def handle(number: int) -> None:
            heard.append(number)
            if number == 1:
                listener.dataReceived(b"\x03\x81\x04")

        listener.expressionReceived = handle
        listener.dataReceived(b"\x01\x81\x02\x81")
        self.assertEqual(heard, [1, 2, 3])
        listener.dataReceived(b"\x81")
        self.assertEqual(heard, [1, 2, 3, 4])


class BoundsTests(SynchronousTestCase):
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
        for _ in range(1000):
            listener.dataReceived(b"\x00\x80" * 200)
        listener.dataReceived(b"")
        self.assertEqual(heard, [])
        self.assertLess(tracemalloc.get_traced_memory()[0] - before, 2 * 400_000)

    def test_pieces_are_not_copied_over_and_over(self) -> None:
        """A long string in small pieces takes time linear in its size."""
        listener, heard = self.limited()
        body = b"x" * SIZE_LIMIT
        stream = written(body)
        for start in range(0, len(stream), 100):
            listener.dataReceived(stream[start : start + 100])
        self.assertEqual(heard, [body])
