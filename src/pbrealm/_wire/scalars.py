"""
Decoding the jelly of scalars: all plain data but containers and references.

The bytes need not have been scanned before.  All decoders have the same signature:

 - C{buffer}, and C{pos}, where the items after the jelly's atom start;
 - C{count}, how many items there are;
 - C{refs}, the references so far;
 - C{depth}, how many more levels of lists are allowed.

They return the object, and where its jelly ends.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any, Final

from pbrealm._wire.sexp import skip_prefix
from pbrealm._wire.tokens import (
    FLOAT,
    INCOMING_VOCABULARY,
    LIST,
    LONGNEG,
    NEG,
    PREFIX_LIMIT,
    STRING,
    VOCAB,
    NotPlain,
    float_at,
    int_at,
)

References = dict[Any, Any]
"""
What can be referred back to while one argument or answer is decoded: objects by their numbers.

L{pbrealm._wire.decode} has further entries of its own.
"""

_TRUE: Final = b"\x04\x82true"
_FALSE: Final = b"\x05\x82false"


def token_at(buffer: bytes, pos: int) -> tuple[Any, int]:
    """
    Decode the token that starts at C{pos}.

    @return: the number or the byte string, and where its token ends.  For a list, L{None} and
        where its first item starts.
    @raise NotPlain: for an unknown type byte, or a prefix with too many digits.
    @raise IndexError: if the buffer ends within the prefix.
    @raise struct.error: if the buffer ends within a float.
    """
    start = pos
    pos = skip_prefix(buffer, pos)
    type_byte = buffer[pos]
    if pos - start > PREFIX_LIMIT or type_byte > VOCAB:
        raise NotPlain("prefix too long, or unknown type byte")
    number = buffer[start] if pos == start + 1 else int_at(buffer, start, pos)
    pos += 1
    if type_byte == STRING:
        return buffer[pos : pos + number], pos + number
    if type_byte == LIST:
        return None, pos
    if type_byte == VOCAB:
        return INCOMING_VOCABULARY[number], pos
    if type_byte == FLOAT:
        return float_at(buffer, pos)[0], pos + 8
    return -number if type_byte in (NEG, LONGNEG) else number, pos


def none_at(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    if count:
        raise NotPlain("None with items")
    return None, pos


def scalar_at(buffer: bytes, pos: int, count: int, expected: type) -> tuple[Any, int]:
    """
    Decode a number or a byte string that is the only item.

    @param expected: the type that it must have.
    """
    if count != 1:
        raise NotPlain("not exactly one item")
    value, pos = token_at(buffer, pos)
    if type(value) is not expected:
        raise NotPlain(value)
    return value, pos


def unicode_at(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    body, pos = scalar_at(buffer, pos, count, bytes)
    return body.decode(), pos


def boolean_at(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    if count == 1:
        if buffer.startswith(_TRUE, pos):
            return True, pos + len(_TRUE)
        if buffer.startswith(_FALSE, pos):
            return False, pos + len(_FALSE)
    raise NotPlain("neither true nor false")


def numbers_at(buffer: bytes, pos: int, count: int) -> tuple[Any, int]:
    """Decode the numbers in a byte string, which spaces separate."""
    body, pos = scalar_at(buffer, pos, count, bytes)
    return map(int, body.split()), pos


def datetime_at(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    numbers, pos = numbers_at(buffer, pos, count)
    return datetime.datetime(*numbers), pos


def date_at(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    numbers, pos = numbers_at(buffer, pos, count)
    return datetime.date(*numbers), pos


def time_at(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    numbers, pos = numbers_at(buffer, pos, count)
    return datetime.time(*numbers), pos


def timedelta_at(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    (days, seconds, microseconds), pos = numbers_at(buffer, pos, count)
    return datetime.timedelta(days, seconds, microseconds), pos


def decimal_at(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    value, pos = scalar_at(buffer, pos, count - 1, int)
    exponent, pos = scalar_at(buffer, pos, 1, int)
    guts = decimal.Decimal(value).as_tuple().digits
    return decimal.Decimal((int(value < 0), guts, exponent)), pos
