"""
Bytes are decoded to the plain data that Twisted makes of them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.decode import decode_plain
from pbrealm._wire.tokens import NotPlain
from tests.wire.plain import graphs, outcome, trees, twisted_decode, twisted_encode, written
from tests.wire.streams import jellies


def ours_or_theirs(encoded: bytes) -> Any:
    """The decoded object, by Twisted if it isn't plain data."""
    try:
        return decode_plain(encoded, 0)
    except NotPlain:
        return twisted_decode(encoded)


class SameObjectsTests(SynchronousTestCase):
    """
    L{decode_plain} against banana and jelly.
    """

    def same(self, ours: Any, theirs: Any) -> None:
        # Encoded again, since that shows types and sharing, and NaN isn't equal to itself.
        self.assertEqual(outcome(twisted_encode, ours), outcome(twisted_encode, theirs))

    @given(trees)
    def test_trees(self, obj: object) -> None:
        """Nested plain data."""
        encoded = twisted_encode(obj)
        self.same(decode_plain(encoded, 0), twisted_decode(encoded))

    @given(graphs(cycles=False))
    def test_shared(self, obj: object) -> None:
        """Containers that are in several places."""
        encoded = twisted_encode(obj)
        self.same(decode_plain(encoded, 0), twisted_decode(encoded))

    @given(graphs())
    def test_cycles(self, obj: object) -> None:
        """Containers within themselves, as far as Twisted can decode its own bytes."""
        encoded = twisted_encode(obj)
        theirs = outcome(twisted_decode, encoded)
        ours = outcome(ours_or_theirs, encoded)
        if isinstance(theirs, type):
            self.assertIs(ours, theirs)
        else:
            self.same(ours, theirs)

    @given(jellies)
    def test_any_jelly(self, sexp: Any) -> None:
        """Jelly that Twisted refuses is left to Twisted."""
        encoded = written(sexp)
        ours = outcome(decode_plain, encoded, 0)
        if ours is not NotPlain:
            theirs = outcome(twisted_decode, encoded)
            self.assertIs(type(ours), type(theirs))
            self.same(ours, theirs)

    def test_odd_numbers(self) -> None:
        """Prefixes with superfluous digits, and empty ones."""
        for encoded in (
            b"\x05\x00\x00\x81",
            b"\x81",
            b"\x82",
            b"\x83",
            b"\x01\x85",
            b"\x02\x00\x80\x08\x87\x81",
            b"\x02\x80\x07\x82unicode\x82",
            b"\x02\x80\x07\x82unicode\x01\x00\x82x",
            b"\x02\x80\x07\x82unicode\x08\x87",
            b"\x02\x80\x07\x00\x82unicode\x01\x82x",
            b"\x05\x84" + bytes(8),
            b"\x02\x80\x0b\x87\x81",
        ):
            self.same(ours_or_theirs(encoded), twisted_decode(encoded))
