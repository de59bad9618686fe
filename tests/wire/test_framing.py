"""
FastBanana finds the same messages as Twisted's banana.
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.spread.banana import Banana
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.banana import FastBanana
from pbrealm._wire.message_limits import MessageLimits
from tests.wire.plain import graphs, integers, outcome, trees, twisted_encode, written
from tests.wire.streams import listening, pieces, tokens

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
