"""
Bytes to what jelly sends as a value: all but containers and references.

Each function takes the buffer, where the items after the atom begin, how many there are, the
references so far, and how many more lists may be in one another; each gives the object, and where
it ends.  Nobody need have looked at the bytes before.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any, Final

from pbrealm._wire.sexp import decode_scalar, skip_digits
from pbrealm._wire.tokens import PREFIX_LIMIT, VOCAB, WORDS, NotPlain

References = dict[Any, Any]

_TRUE: Final = b"\x04\x82true"
_FALSE: Final = b"\x05\x82false"


def token_at(buffer: bytes, pos: int) -> tuple[Any, int]:
    """L{decode_scalar}, of bytes that nobody has looked at yet."""
    end = skip_digits(buffer, pos)
    if end - pos > PREFIX_LIMIT or buffer[end] > VOCAB:
        raise NotPlain("too many digits, or no token")
    return decode_scalar(buffer, pos, WORDS)


def none_at(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    if count:
        raise NotPlain("None with something to it")
    return None, pos


def scalar_at(buffer: bytes, pos: int, count: int, expected: type) -> tuple[Any, int]:
    if count != 1:
        raise NotPlain("not one item")
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
