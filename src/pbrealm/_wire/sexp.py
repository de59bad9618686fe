"""
Decoding s-expressions: lists of lists, bytes and numbers, which banana transports.

Jelly turns objects into s-expressions, and a broker sends its messages as s-expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pbrealm._wire.tokens import FLOAT, LIST, LONGNEG, NEG, STRING, VOCAB, float_at, int_at

Sexp: TypeAlias = int | float | bytes | list[Any]
"""An s-expression.  The items of a list are s-expressions too."""


def skip_prefix(buffer: bytes, pos: int) -> int:
    """
    Find the type byte of the token that starts at C{pos}.
    """
    while buffer[pos] < 128:
        pos += 1
    return pos


def decode_scalar(buffer: bytes, pos: int, vocabulary: Mapping[int, bytes]) -> tuple[Any, int]:
    """
    Decode the token that starts at C{pos}.

    @param vocabulary: words by their numbers.
    @return: the number or the byte string, and where its token ends.  For a list, L{None} and
        where its first item starts.
    @raise IndexError: if the buffer ends within the prefix.
    @raise struct.error: if the buffer ends within a float.
    """
    start = pos
    while (type_byte := buffer[pos]) < 128:
        pos += 1
    number = buffer[start] if pos == start + 1 else int_at(buffer, start, pos)
    pos += 1
    if type_byte == STRING:
        return buffer[pos : pos + number], pos + number
    if type_byte == LIST:
        return None, pos
    if type_byte == VOCAB:
        return vocabulary[number], pos
    if type_byte == FLOAT:
        return float_at(buffer, pos)[0], pos + 8
    return -number if type_byte in (NEG, LONGNEG) else number, pos


def decode_sexp(buffer: bytes, pos: int, vocabulary: Mapping[int, bytes]) -> Sexp:
    """
    Decode the s-expression that starts at C{pos}.

    This doesn't recurse, so depth is no matter.  It doesn't check anything either: a
    L{Scanner<pbrealm._wire.framing.Scanner>} must have passed over the same bytes.

    @param vocabulary: words by their numbers.
    """
    top: list[Any] = [None]
    # Jelly has no empty lists.  They are one object, which takes the least memory for its bytes.
    empty: list[Any] = []
    # For each list that is open, the list around it and how many items that still lacks.
    stack: list[tuple[list[Any], int]] = []
    items, left = top, 1
    while True:
        start = pos
        item, pos = decode_scalar(buffer, pos, vocabulary)
        if item is None:
            number = int_at(buffer, start, pos - 1)
            # A list that grows would take more memory.
            items[-left] = item = [None] * number if number else empty
            if number:
                stack.append((items, left))
                items, left = item, number
                continue
        else:
            items[-left] = item
        left -= 1
        while not left:
            if not stack:
                return top[0]  # type: ignore[no-any-return]
            items, left = stack.pop()
            left -= 1
