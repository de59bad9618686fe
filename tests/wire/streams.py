"""
Streams of bytes for properties, and a decoder that listens to them.
"""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.spread.banana import Banana

from pbrealm._wire.decode import PLAIN_ATOMS
from tests.wire.plain import integers, texts


def listening(kind: type[Banana], dialect: bytes = b"pb") -> tuple[Any, list[Any]]:
    """A decoder, and what it has heard."""
    listener: Any = kind()
    listener.makeConnection(StringTransport())
    listener._selectDialect(dialect)
    heard: list[Any] = []
    listener.expressionReceived = heard.append
    return listener, heard


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces.  None is empty, as a transport never delivers nothing."""
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    cut = [stream[start:end] for start, end in itertools.pairwise(ends)]
    return [piece for piece in cut if piece]


tokens = st.builds(
    lambda digits, kind, body: digits + bytes((kind,)) + body,
    st.binary(max_size=3).map(lambda some: bytes(byte & 127 for byte in some)),
    st.integers(0x80, 0x88),
    st.binary(max_size=10),
)
"""Tokens, valid and invalid."""


atoms = st.sampled_from(sorted(PLAIN_ATOMS)) | st.sampled_from([b"remote", b"copy", b"a.b"])


jellies = st.recursive(
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
