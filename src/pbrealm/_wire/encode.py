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
from collections.abc import Callable
from typing import Any, Final

from pbrealm._wire.tokens import (
    FLOAT,
    VOCABULARY,
    NotPlain,
    bytes_token,
    float_token,
    int_token,
    list_token,
    write_bytes,
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
_WORDS: Final = frozenset(word.decode() for word in VOCABULARY)
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


class _Integers(dict[int, bytes]):
    """
    Whole numbers, the small ones at hand.
    """

    def __missing__(self, number: int) -> bytes:
        return int_token(number)


def str_token(text: str) -> bytes:
    """
    A string of characters.

    @raise UnicodeEncodeError: if UTF-8 can't hold it.
    """
    body = text.encode()
    if len(body) < 128 and text not in _WORDS:
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
    int: _Integers({number: int_token(number) for number in range(1024)}).__getitem__,
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
The types whose bytes don't depend on what else is in the message.
"""


class _Heads(dict[int, bytes]):
    """
    What a container begins with, by how many it holds; those of the small ones at hand.
    """

    def __init__(self, atom: bytes) -> None:
        super().__init__((length, list_token(length + 1) + atom) for length in range(64))
        self._atom = atom

    def __missing__(self, length: int) -> bytes:
        return list_token(length + 1) + self._atom


_HEADS: Final[dict[type, _Heads]] = {
    list: _Heads(VOCABULARY[b"list"]),
    tuple: _Heads(VOCABULARY[b"tuple"]),
    set: _Heads(bytes_token(b"set")),
    frozenset: _Heads(bytes_token(b"frozenset")),
    dict: _Heads(VOCABULARY[b"dictionary"]),
}

PLAIN_TYPES: Final = frozenset({*SCALARS, *_HEADS, bytes})


# What's written goes to the list of parts.  Jelly gives an object a number only when it meets it
# for the second time, and then goes back to where it was first, to say so there.  So the beginning
# of each container is a part of its own, and the dictionary says which, by the container's id;
# once it has a number, it says the number, as a negative.
_Parts = list[bytes]
_Seen = dict[int, int]
_COUNT: Final = -1
"""What is no object's C{id}."""


def _write_again(key: int, parts: _Parts, seen: _Seen) -> None:
    found = seen[key]
    if found < 0:
        number = -found
    else:
        seen[_COUNT] = number = seen.get(_COUNT, 0) + 1
        seen[key] = -number
        parts[found] = _REFERENCE + int_token(number) + parts[found]
    parts.append(_DEREFERENCE + int_token(number))


def _write_container(obj: Any, kind: type, parts: _Parts, seen: _Seen, depth: int) -> None:
    if kind is bytes:
        # Not a scalar, though it's none of the containers, so that a large one isn't copied here.
        write_bytes(obj, parts)
        return
    address = id(obj)
    if address in seen:
        _write_again(address, parts, seen)
        return
    if kind not in _HEADS or depth >= MAX_DEPTH:
        raise NotPlain("of another kind, or too deep")
    depth += 1
    append = parts.append
    scalars = SCALARS
    seen[address] = len(parts)
    append(_HEADS[kind][len(obj)])
    if kind is dict:
        for key, value in obj.items():
            if type(key) is str:
                append(_keys[key])
            else:
                append(_PAIR)
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
    Append the bytes that stand for one argument or answer.

    @raise NotPlain: if it isn't plain data through and through, or can't be sent; some of it has
        been written then.
    """
    try:
        _write(obj, parts, {}, 0)
    except (UnicodeEncodeError, RecursionError) as error:
        raise NotPlain(error) from None


def encode_plain(obj: object) -> bytes:
    """
    The bytes that stand for one argument or answer.

    @raise NotPlain: if it isn't plain data through and through, or can't be sent.
    """
    parts: list[bytes] = []
    write_plain(obj, parts)
    return b"".join(parts)
