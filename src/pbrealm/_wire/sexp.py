"""
Bytes to s-expressions.

They are what jelly makes of objects, and a broker of its messages: lists of lists, bytes and
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pbrealm._wire.tokens import FLOAT, LIST, LONGNEG, NEG, STRING, VOCAB, float_at, int_at


def skip_digits(buffer: bytes, pos: int) -> int:
    """
    Where the kind is of the token that begins at C{pos}.
    """
    while buffer[pos] < 128:
        pos += 1
    return pos


def decode_scalar(buffer: bytes, pos: int, words: Mapping[int, bytes]) -> tuple[Any, int]:
    """
    The number or the bytes that begin at C{pos}, and where they end.

    @return: for a list, L{None} and where its first item is.
    @raise IndexError: if the bytes end before, or it has more digits than any number.
    """
    start = pos
    while (kind := buffer[pos]) < 128:
        pos += 1
    number = buffer[start] if pos == start + 1 else int_at(buffer, start, pos)
    pos += 1
    if kind == STRING:
        return buffer[pos : pos + number], pos + number
    if kind == LIST:
        return None, pos
    if kind == VOCAB:
        return words[number], pos
    if kind == FLOAT:
        return float_at(buffer, pos)[0], pos + 8
    return -number if kind in (NEG, LONGNEG) else number, pos


def decode_sexp(buffer: bytes, pos: int, words: Mapping[int, bytes]) -> Any:
    """
    The s-expression that begins at C{pos}.

    It doesn't recurse, and it checks nothing: a L{Scanner<pbrealm._wire.framing.Scanner>} has.
    """
    top: list[Any] = []
    stack: list[tuple[list[Any], int]] = []
    items, left = top, 1
    while True:
        start = pos
        item, pos = decode_scalar(buffer, pos, words)
        if item is None:
            item = []
            number = int_at(buffer, start, pos - 1)
            if number:
                items.append(item)
                stack.append((items, left))
                items, left = item, number
                continue
        items.append(item)
        left -= 1
        while not left:
            if not stack:
                return top[0]
            items, left = stack.pop()
            left -= 1
