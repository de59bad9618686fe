"""
Encoding plain data to bytes, in one pass.

The bytes are exactly those that L{twisted.spread.jelly} and L{twisted.spread.banana} make of the
same objects in two passes, also for an object that occurs twice, or within itself.  Only exact
types are plain data.  Jelly handles everything else, also a subclass of C{dict}: it may define
jelly's hooks, and they must run only once.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any, Final

from pbrealm._wire.tokens import (
    FLOAT,
    PAIR_START,
    UNICODE_START,
    VOCABULARY_TOKENS,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
    string_token,
    write_bytes,
)

MAX_DEPTH: Final = 100
"""
Levels of nested containers.  Deeper ones are left to jelly, which the interpreter's limit on
recursion stops.
"""

_MAX_CACHED_KEYS: Final = 4096
_MAX_CACHED_KEY_LENGTH: Final = 40

_REFERENCE_START: Final = list_token(3) + VOCABULARY_TOKENS[b"reference"]
_DEREFERENCE_START: Final = list_token(2) + VOCABULARY_TOKENS[b"dereference"]
_DECIMAL_START: Final = list_token(3) + bytes_token(b"decimal")
_NONE: Final = list_token(1) + VOCABULARY_TOKENS[b"None"]
_BOOL: Final = {
    value: list_token(2) + bytes_token(b"boolean") + bytes_token(word)
    for value, word in ((True, b"true"), (False, b"false"))
}
_VOCABULARY_STRINGS: Final = frozenset(word.decode() for word in VOCABULARY_TOKENS)

# What the jelly of a str starts with, by the length of the str in bytes.
_SHORT_STR_STARTS: Final = [UNICODE_START + string_token(length) for length in range(128)]


class _KeyCache(dict[str, bytes]):
    """
    A memo table of dictionary keys: a short C{str} to its encoded jelly, with the start of the
    pair.

    Programs send the same keys over and over.  A client may make a program send new keys all the
    time, so the table is cleared when it's full.
    """

    def __missing__(self, key: str) -> bytes:
        token = PAIR_START + str_token(key)
        if len(key) <= _MAX_CACHED_KEY_LENGTH:
            if len(self) >= _MAX_CACHED_KEYS:
                self.clear()
            self[key] = token
        return token


_key_cache: Final = _KeyCache()


class _IntTokens(dict[int, bytes]):
    """
    The tokens of integers.  Those of small ones are kept.
    """

    def __missing__(self, number: int) -> bytes:
        return int_token(number)


def str_token(text: str) -> bytes:
    """
    Encode a C{str}.

    @raise UnicodeEncodeError: if it has no encoding in UTF-8.
    """
    body = text.encode()
    if len(body) < 128 and text not in _VOCABULARY_STRINGS:
        return _SHORT_STR_STARTS[len(body)] + body
    return UNICODE_START + bytes_token(body)


def _float(number: float) -> bytes:
    return float_token(FLOAT, number)


def _none(_: None) -> bytes:
    return _NONE


def _numbers(atom: bytes, *numbers: int) -> bytes:
    return (
        list_token(2)
        + bytes_token(atom)
        + bytes_token(" ".join(map(str, numbers)).encode("ascii"))
    )


def _datetime(when: datetime.datetime) -> bytes:
    if when.tzinfo is not None:
        raise NotPlain("has a time zone")
    return _numbers(
        b"datetime",
        when.year,
        when.month,
        when.day,
        when.hour,
        when.minute,
        when.second,
        when.microsecond,
    )


def _time(when: datetime.time) -> bytes:
    if when.tzinfo is not None:
        raise NotPlain("has a time zone")
    return _numbers(b"time", when.hour, when.minute, when.second, when.microsecond)


def _date(when: datetime.date) -> bytes:
    return _numbers(b"date", when.year, when.month, when.day)


def _timedelta(span: datetime.timedelta) -> bytes:
    return _numbers(b"timedelta", span.days, span.seconds, span.microseconds)


def _decimal(number: decimal.Decimal) -> bytes:
    sign, guts, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise NotPlain("not a finite number")
    value = 0
    for digit in guts:
        value = value * 10 + digit
    return _DECIMAL_START + int_token(-value if sign else value) + int_token(exponent)


SCALARS: Final[dict[type, Callable[[Any], bytes]]] = {
    str: str_token,
    int: _IntTokens({number: int_token(number) for number in range(1024)}).__getitem__,
    float: _float,
    bool: _BOOL.__getitem__,
    type(None): _none,
    datetime.datetime: _datetime,
    datetime.time: _time,
    datetime.date: _date,
    datetime.timedelta: _timedelta,
    decimal.Decimal: _decimal,
}
"""
The encoders of types whose encoding doesn't depend on the rest of the message.
"""


class _ContainerStarts(dict[int, bytes]):
    """
    What the jelly of a container starts with, by its length.  Those of small ones are kept.
    """

    def __init__(self, atom: bytes) -> None:
        super().__init__((length, list_token(length + 1) + atom) for length in range(64))
        self._atom = atom

    def __missing__(self, length: int) -> bytes:
        return list_token(length + 1) + self._atom


_CONTAINER_STARTS: Final[dict[type, _ContainerStarts]] = {
    list: _ContainerStarts(VOCABULARY_TOKENS[b"list"]),
    tuple: _ContainerStarts(VOCABULARY_TOKENS[b"tuple"]),
    set: _ContainerStarts(bytes_token(b"set")),
    frozenset: _ContainerStarts(bytes_token(b"frozenset")),
    dict: _ContainerStarts(VOCABULARY_TOKENS[b"dictionary"]),
}

PLAIN_TYPES: Final = frozenset({*SCALARS, *_CONTAINER_STARTS, bytes})
"""The types of plain data.  The items of a container must have them too."""


# The encoding is a list of parts, to be joined.  Jelly gives a container a number only when it
# meets that for the second time, and then turns the first occurrence into a reference.  So the
# start of each container is a part of its own.  The table of what was seen maps the id of a
# container to the index of this part, or to its number, negated, once it has one.
_Parts = list[bytes]
_Seen = dict[int, int]

# The key for how many numbers are given.  No object has this id.
_NUMBERS_GIVEN: Final = -1


def _write_dereference(key: int, parts: _Parts, seen: _Seen) -> None:
    found = seen[key]
    if found < 0:
        number = -found
    else:
        seen[_NUMBERS_GIVEN] = number = seen.get(_NUMBERS_GIVEN, 0) + 1
        seen[key] = -number
        parts[found] = _REFERENCE_START + int_token(number) + parts[found]
    parts.append(_DEREFERENCE_START + int_token(number))


def _write_container(obj: Any, kind: type, parts: _Parts, seen: _Seen, depth: int) -> None:
    if kind is bytes:
        # Not one of SCALARS, so that a large string isn't copied.
        write_bytes(obj, parts)
        return
    address = id(obj)
    if address in seen:
        _write_dereference(address, parts, seen)
        return
    if kind not in _CONTAINER_STARTS or depth >= MAX_DEPTH:
        raise NotPlain("its type, or one in it, isn't plain data, or it is nested too deeply")
    depth += 1
    append = parts.append
    scalars = SCALARS
    seen[address] = len(parts)
    append(_CONTAINER_STARTS[kind][len(obj)])
    if kind is dict:
        for key, value in obj.items():
            if type(key) is str:
                append(_key_cache[key])
            else:
                append(PAIR_START)
                _write(key, parts, seen, depth)
            kind = type(value)
            if kind in scalars:
                append(scalars[kind](value))
            else:
                _write_container(value, kind, parts, seen, depth)
    else:
        for item in obj:
            kind = type(item)
            if kind in scalars:
                append(scalars[kind](item))
            else:
                _write_container(item, kind, parts, seen, depth)


def _write(obj: Any, parts: _Parts, seen: _Seen, depth: int) -> None:
    kind = type(obj)
    if kind in SCALARS:
        parts.append(SCALARS[kind](obj))
    else:
        _write_container(obj, kind, parts, seen, depth)


def write_plain(obj: object, parts: list[bytes]) -> None:
    """
    Append the encoded jelly of one argument or answer to C{parts}.

    @raise NotPlain: if the object contains something that isn't plain data or can't be sent.
        C{parts} is to be discarded then.
    """
    try:
        _write(obj, parts, {}, 0)
    except (UnicodeEncodeError, RecursionError) as error:
        raise NotPlain(error) from None


def encode_plain(obj: object) -> bytes:
    """
    Encode the jelly of one argument or answer.

    @raise NotPlain: if the object contains something that isn't plain data or can't be sent.
    """
    parts: list[bytes] = []
    write_plain(obj, parts)
    return b"".join(parts)
