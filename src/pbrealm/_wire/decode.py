"""
Bytes to plain data, in one pass.

The objects are those that L{twisted.spread.banana} and then L{twisted.spread.jelly} make of the
same bytes.  Whatever else the bytes hold, or whatever is wrong with them, is for jelly: it knows
the classes, and it has the errors.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from pbrealm._wire.scalars import (
    References,
    boolean_at,
    date_at,
    datetime_at,
    decimal_at,
    none_at,
    scalar_at,
    time_at,
    timedelta_at,
    token_at,
    unicode_at,
)
from pbrealm._wire.tokens import (
    FLOAT,
    INT,
    LIST,
    STRING,
    VOCAB,
    WORDS,
    NotPlain,
    bytes_token,
    float_at,
    int_at,
    list_token,
    string_token,
)

_PAIR: Final = list_token(2)

# Of the references: by number, what can be referred back to, and under a pair how many bytes it
# takes; and, under _REPEATED, the bytes that there would have been without referring back.
_REPEATED: Final = "repeated"
_REPEATED_MOST: Final = 4 * 1024 * 1024
_UNICODE: Final = list_token(2) + bytes_token(b"unicode")

# What a short string of characters begins with, and its length; and the same as a key.
_TEXT_LENGTHS: Final = {_UNICODE + string_token(length): length for length in range(128)}
_KEY_LENGTHS: Final = {_PAIR + token: length for token, length in _TEXT_LENGTHS.items()}
_TEXTS: Final = _TEXT_LENGTHS.get
_KEYS: Final = _KEY_LENGTHS.get
_TEXT: Final = len(_UNICODE) + 2
_KEY: Final = len(_PAIR) + _TEXT


def _reference(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    number, pos = scalar_at(buffer, pos, count - 1, int)
    start = pos
    before = refs.get(_REPEATED, 0)
    value, pos = _value(buffer, pos, refs, depth - 1)
    # None would count as not there yet, and the same number twice is an error.
    if value is None or number in refs:
        raise NotPlain("an odd reference")
    refs[number] = value
    refs[_REPEATED, number] = pos - start + refs.get(_REPEATED, 0) - before
    return value, pos


def _dereference(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    number, pos = scalar_at(buffer, pos, count, int)
    if number not in refs:
        # Cycles are built by mending them afterwards; jelly does that.
        raise NotPlain("a reference to what isn't there yet")
    repeated = refs.get(_REPEATED, 0) + refs[_REPEATED, number]
    if repeated > _REPEATED_MOST:
        # Little by little this can become more than anybody could ever look at: it's for
        # check_amplification to say.
        raise NotPlain("much is repeated")
    refs[_REPEATED] = repeated
    return refs[number], pos


def _tuple(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs, depth)
    return tuple(items), pos


def _set(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs, depth)
    return set(items), pos


def _frozenset(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs, depth)
    return frozenset(items), pos


def _items(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[list[Any], int]:
    if depth < 2:
        raise NotPlain("too deep to be quick")
    depth -= 1
    texts = _TEXTS
    out: list[Any] = []
    append = out.append
    for _ in range(count):
        length = texts(buffer[pos : pos + _TEXT])
        if length is not None:
            start = pos + _TEXT
            pos = start + length
            append(buffer[start:pos].decode())
        else:
            value, pos = _value(buffer, pos, refs, depth)
            append(value)
    return out, pos


def _dictionary(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    if depth < 3:
        raise NotPlain("too deep to be quick")
    depth -= 2
    texts = _TEXTS
    keys = _KEYS
    out: dict[Any, Any] = {}
    for _ in range(count):
        length = keys(buffer[pos : pos + _KEY])
        if length is not None:
            start = pos + _KEY
            pos = start + length
            key: Any = buffer[start:pos].decode()
        elif buffer.startswith(_PAIR, pos):
            key, pos = _value(buffer, pos + 2, refs, depth)
        else:
            raise NotPlain("not a pair")
        length = texts(buffer[pos : pos + _TEXT])
        if length is not None:
            start = pos + _TEXT
            pos = start + length
            out[key] = buffer[start:pos].decode()
        else:
            out[key], pos = _value(buffer, pos, refs, depth)
    return out, pos


_Reader = Callable[[bytes, int, int, References, int], tuple[Any, int]]

_BY_ATOM: Final[dict[bytes, _Reader]] = {
    b"None": none_at,
    b"boolean": boolean_at,
    b"unicode": unicode_at,
    b"datetime": datetime_at,
    b"date": date_at,
    b"time": time_at,
    b"timedelta": timedelta_at,
    b"decimal": decimal_at,
    b"reference": _reference,
    b"dereference": _dereference,
    b"list": _items,
    b"tuple": _tuple,
    b"set": _set,
    b"frozenset": _frozenset,
    b"dictionary": _dictionary,
}

_BY_NUMBER: Final[dict[int, _Reader]] = {
    number: _BY_ATOM[word] for number, word in WORDS.items() if word in _BY_ATOM
}

PLAIN_ATOMS: Final = frozenset(_BY_ATOM)


def _value(buffer: bytes, pos: int, refs: References, depth: int) -> tuple[Any, int]:
    number = buffer[pos]
    if number >= 128:
        if number == FLOAT:
            return float_at(buffer, pos + 1)[0], pos + 9
        return _long(buffer, pos, refs, depth)
    kind = buffer[pos + 1]
    if kind == LIST:
        return _list(buffer, pos + 2, number, refs, depth)
    if kind == INT:
        return number, pos + 2
    if kind == STRING:
        pos += 2
        return buffer[pos : pos + number], pos + number
    if kind < 128 and buffer[pos + 2] == INT:
        return number | kind << 7, pos + 3
    return _long(buffer, pos, refs, depth)


def _list(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    if count < 1 or depth < 1:
        raise NotPlain("nothing, or too deep to be quick")
    number = buffer[pos]
    if number < 128:
        kind = buffer[pos + 1]
        pos += 2
        if kind == VOCAB:
            reader = _BY_NUMBER.get(number)
        else:
            reader = _BY_ATOM.get(buffer[pos : pos + number]) if kind == STRING else None
            pos += number
        if reader is not None:
            return reader(buffer, pos, count - 1, refs, depth)
    raise NotPlain("no list that is known")


def _long(buffer: bytes, pos: int, refs: References, depth: int) -> tuple[Any, int]:
    """Any token, also one with more digits or fewer than one."""
    start = pos
    value, pos = token_at(buffer, pos)
    if value is None:
        return _list(buffer, pos, int_at(buffer, start, pos - 1), refs, depth)
    return value, pos


ODD: Final = (
    NotPlain,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What L{decode_next} raises for what isn't plain data, or isn't all there."""


def decode_next(buffer: bytes, pos: int, depth: int) -> tuple[Any, int]:
    """
    The object whose bytes begin at C{pos}, and where they end.

    The bytes needn't have been looked at before, and they may be cut short.  So the end may be
    beyond theirs: then what is returned is worth nothing.

    @param depth: how many lists may be within one another; some that are no deeper are refused.
    @raise Exception: one of L{ODD}.
    """
    return _value(buffer, pos, {}, depth)


def decode_header(buffer: bytes, pos: int) -> tuple[Any, int]:
    """
    A number or bytes, as L{decode_next} would have them.

    @raise Exception: one of L{ODD}, for a list too.
    """
    number = buffer[pos]
    if number < 128:
        kind = buffer[pos + 1]
        if kind == INT:
            return number, pos + 2
        if kind == STRING:
            pos += 2
            return buffer[pos : pos + number], pos + number
        if kind < 128 and buffer[pos + 2] == INT:
            return number | kind << 7, pos + 3
    value, pos = token_at(buffer, pos)
    if value is None:
        raise NotPlain("a list")
    return value, pos


def decode_plain(buffer: bytes, pos: int) -> Any:
    """
    The object whose bytes begin at C{pos}, where a whole message is known to be.

    @raise NotPlain: if it isn't plain data, or if anything about it is odd.
    """
    try:
        return decode_next(buffer, pos, sys.maxsize)[0]
    except ODD as error:
        raise NotPlain(error) from None
