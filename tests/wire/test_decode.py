"""
Bytes are decoded to the plain data that Twisted makes of them.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.spread import jelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.decode import PLAIN_ATOMS, decode_plain
from pbrealm._wire.security import may_decode_plain
from pbrealm._wire.tokens import NotPlain
from tests.wire.plain import (
    graphs,
    integers,
    outcome,
    texts,
    trees,
    twisted_decode,
    twisted_encode,
    written,
)

atoms = st.sampled_from(sorted(PLAIN_ATOMS)) | st.sampled_from([b"remote", b"copy", b"a.b"])

sexps = st.recursive(
    integers | st.floats() | st.binary(max_size=9) | texts.map(str.encode) | atoms,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.builds(lambda atom, items: [atom, *items], atoms, st.lists(inner, max_size=4))
        | st.builds(
            lambda pairs: [b"dictionary", *pairs],
            st.lists(st.lists(inner, min_size=2, max_size=2), max_size=4),
        )
    ),
    max_leaves=20,
)
"""Jelly, valid and invalid."""


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

    @given(sexps)
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


class SecurityTests(SynchronousTestCase):
    """
    L{may_decode_plain}.
    """

    def test_stock(self) -> None:
        """Twisted's own options allow plain data."""
        self.assertTrue(may_decode_plain(jelly.globalSecurity))

    def test_less_allowed(self) -> None:
        """Options that don't allow all types of plain data."""
        self.assertFalse(may_decode_plain(jelly.SecurityOptions()))

    def test_other_rules(self) -> None:
        """Options with a rule of their own."""

        class Picky(jelly.SecurityOptions):
            def isTypeAllowed(self, typeName: Any) -> bool:
                return typeName != b"unicode"

        picky = Picky()
        picky.allowBasicTypes()
        self.assertFalse(may_decode_plain(picky))
        self.assertFalse(may_decode_plain(jelly.DummySecurityOptions()))
        changed = jelly.SecurityOptions()
        changed.allowBasicTypes()
        self.assertTrue(may_decode_plain(changed))
        changed.isTypeAllowed = lambda name: False
        self.assertFalse(may_decode_plain(changed))

    def test_registered_class(self) -> None:
        """A class is registered for dictionaries."""
        jelly.unjellyableRegistry[b"dictionary"] = dict
        self.addCleanup(jelly.unjellyableRegistry.pop, b"dictionary")
        self.assertFalse(may_decode_plain(jelly.globalSecurity))
