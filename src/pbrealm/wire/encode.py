"""
Plain data to bytes, in one pass.

The bytes are those that L{twisted.spread.jelly} and then L{twisted.spread.banana} make of the
same objects, to the last one: also for an object that appears in two places, or within itself.
Only exact types are known here.  An instance of anything else, a subclass of C{dict} too, is for
jelly to handle: it may have hooks, and they must run once.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterable
from typing import Any, Final

from pbrealm.wire.tokens import (
    FLOAT,
    VOCABULARY,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
)

MAX_DEPTH: Final = 100
"""
Containers within one another.  What is deeper takes jelly's way, and there meets its limit, the
interpreter's on recursion.
"""

_CACHED_STRINGS: Final = 4096
_CACHED_LENGTH: Final = 40

_PAIR: Final = list_token(2)
_REFERENCE: Final = list_token(3) + VOCABULARY[b"reference"]
_DEREFERENCE: Final = list_token(2) + VOCABULARY[b"dereference"]
_UNICODE: Final = list_token(2) + bytes_token(b"unicode")
_DECIMAL: Final = list_token(3) + bytes_token(b"decimal")
_NONE: Final = list_token(1) + VOCABULARY[b"None"]
_BOOL: Final = {
    value: list_token(2) + bytes_token(b"boolean") + bytes_token(word)
    for value, word in ((True, b"true"), (False, b"false"))
}
_INT: Final = [int_token(number) for number in range(256)]
_SHORT: Final = [_UNICODE + bytes((length, 0x82)) for length in range(128)]


class _Keys(dict[str, bytes]):
    """
    What a short C{str} is as the key of a dictionary: the start of its pair, and itself.

    Programs send the same keys over and over.  What a stranger makes a program send may be new
    every time, so the table starts over when it's full.
    """

    def __missing__(self, key: str) -> bytes:
        token = _PAIR + str_token(key)
        if len(key) <= _CACHED_LENGTH:
            if len(self) >= _CACHED_STRINGS:
                self.clear()
            self[key] = token
        return token


_keys: Final = _Keys()


class _Parts:
    """
    The bytes of one message so far, and which containers are in them.

    Jelly gives an object a number only when it meets it for the second time, and then goes back
    to where it was first, to say so there.  So each container's beginning is a part of its own.
    """

    __slots__ = ("numbers", "parts", "starts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.starts: dict[int, int] = {}
        self.numbers: dict[int, int] = {}

    def refer(self, key: int) -> None:
        """Write a reference to the container of this C{id}, which was written before."""
        number = self.numbers.get(key)
        if number is None:
            self.numbers[key] = number = len(self.numbers) + 1
            start = self.starts[key]
            self.parts[start] = _REFERENCE + int_token(number) + self.parts[start]
        self.parts.append(_DEREFERENCE + int_token(number))


def str_token(text: str) -> bytes:
    """A string of characters."""
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise NotPlain("a string that UTF-8 can't hold") from None
    if len(body) < 128 and body not in VOCABULARY:
        return _SHORT[len(body)] + body
    return _UNICODE + bytes_token(body)


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
        raise NotPlain("a time zone")
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
        raise NotPlain("a time zone")
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
    return _DECIMAL + int_token(-value if sign else value) + int_token(exponent)


SCALARS: Final[dict[type, Callable[[Any], bytes]]] = {
    str: str_token,
    int: int_token,
    float: _float,
    bytes: bytes_token,
    bool: _BOOL.__getitem__,
    type(None): _none,
    datetime.datetime: _datetime,
    datetime.time: _time,
    datetime.date: _date,
    datetime.timedelta: _timedelta,
    decimal.Decimal: _decimal,
}
"""
The types whose bytes don't depend on what else is in the message.
"""

_ITERABLES: Final[dict[type, bytes]] = {
    list: VOCABULARY[b"list"],
    tuple: VOCABULARY[b"tuple"],
    set: bytes_token(b"set"),
    frozenset: bytes_token(b"frozenset"),
}

PLAIN_TYPES: Final = frozenset({*SCALARS, *_ITERABLES, dict})


def _write_items(items: Iterable[object], out: _Parts, depth: int) -> None:
    append = out.parts.append
    for item in items:
        kind = type(item)
        if kind is int and 0 <= item < 256:  # type: ignore[operator]  # an int, by its exact type
            append(_INT[item])  # type: ignore[call-overload]  # the same
        elif kind in SCALARS:
            append(SCALARS[kind](item))
        else:
            _write_container(item, kind, out, depth)


def _write_pairs(pairs: Iterable[tuple[object, object]], out: _Parts, depth: int) -> None:
    append = out.parts.append
    for key, value in pairs:
        if type(key) is str:
            append(_keys[key])
        else:
            append(_PAIR)
            _write_items((key,), out, depth)
        kind = type(value)
        if kind in SCALARS:
            append(SCALARS[kind](value))
        else:
            _write_container(value, kind, out, depth)


def _write_container(obj: Any, kind: type, out: _Parts, depth: int) -> None:
    key = id(obj)
    if key in out.starts:
        out.refer(key)
        return
    if depth >= MAX_DEPTH:
        raise NotPlain("too deep")
    if kind is dict:
        out.starts[key] = len(out.parts)
        out.parts.append(list_token(len(obj) + 1) + b"\x05\x87")
        _write_pairs(obj.items(), out, depth + 1)
    elif kind in _ITERABLES:
        out.starts[key] = len(out.parts)
        out.parts.append(list_token(len(obj) + 1) + _ITERABLES[kind])
        _write_items(obj, out, depth + 1)
    else:
        raise NotPlain(kind)


def encode_plain(obj: object) -> bytes:
    """
    The bytes that stand for one argument or answer.

    @raise NotPlain: if it isn't plain data through and through.  Nothing has happened then.
    """
    out = _Parts()
    _write_items((obj,), out, 0)
    return b"".join(out.parts)
