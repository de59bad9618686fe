"""
Decoding s-expressions: lists of lists, bytes and numbers, which banana transports.

Jelly turns objects into s-expressions, and a broker sends its messages as s-expressions.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pbrealm._wire.tokens import (
    FLOAT,
    LIST,
    LONGNEG,
    NEG,
    STRING,
    VOCAB,
    NotPlain,
    float_at,
    int_at,
)

Sexp: TypeAlias = int | float | bytes | list[Any]
"""An s-expression.  The items of a list are s-expressions too."""

SEXP_ERRORS: Final = (NotPlain, LookupError, struct.error)
"""What L{decode_sexp} raises for bytes that no scanner has passed over."""


def skip_prefix(buffer: bytes, pos: int) -> int:
    """
    Find the type byte of the token that starts at C{pos}.
    """
    while buffer[pos] < 128:
        pos += 1
    return pos


def decode_sexp(
    buffer: bytes,
    pos: int,
    vocabulary: Mapping[int, bytes],
    *,
    depth: int = sys.maxsize,
    prefix_limit: int = sys.maxsize,
) -> tuple[Sexp, int]:
    """
    Decode the s-expression that starts at C{pos}.

    This doesn't recurse.  The bytes need not have been scanned before, and may be incomplete.  The
    size of the message, and the number of its items, are the caller's concern in any case.

    @param vocabulary: words by their numbers.
    @param depth: how many lists may be nested.
    @param prefix_limit: how many digits a prefix may have.
    @return: the s-expression, and where it ends.  If that is beyond the end of the buffer, the
        message is incomplete and not to be used.
    @raise Exception: one of L{SEXP_ERRORS}, if the bytes are incomplete, invalid, or beyond a
        limit.
    """
    top: list[Any] = [None]
    # Jelly has no empty lists.  They are one object, which takes the least memory for its bytes.
    empty: list[Any] = []
    # For each list that is open, the list around it and how many items that still lacks.
    stack: list[tuple[list[Any], int]] = []
    items, left = top, 1
    # How many items there can be, since each takes a byte.
    room = len(buffer) - pos
    item: Any
    while True:
        # Nearly every prefix has one digit or none.
        type_byte = buffer[pos]
        if type_byte >= 128:
            number = 0
            pos += 1
        else:
            number = type_byte
            type_byte = buffer[pos + 1]
            if type_byte >= 128:
                pos += 2
            else:
                start = pos
                pos = skip_prefix(buffer, pos + 2)
                if pos - start > prefix_limit:
                    raise NotPlain("a prefix too long")
                number = int_at(buffer, start, pos)
                type_byte = buffer[pos]
                pos += 1
        if type_byte == STRING:
            item = buffer[pos : pos + number]
            pos += number
        elif type_byte == VOCAB:
            item = vocabulary[number]
        elif type_byte == LIST:
            item = empty
            if number:
                room -= number
                if room < 0 or len(stack) >= depth:
                    raise NotPlain("incomplete, or too deep")
                # A list that grows would take more memory.
                items[-left] = item = [None] * number
                stack.append((items, left))
                items, left = item, number
                continue
        elif type_byte == FLOAT:
            item = float_at(buffer, pos)[0]
            pos += 8
        elif type_byte > LONGNEG:
            raise NotPlain("an unknown type byte")
        else:
            item = -number if type_byte in (NEG, LONGNEG) else number
        items[-left] = item
        left -= 1
        while not left:
            if not stack:
                return top[0], pos
            items, left = stack.pop()
            left -= 1
