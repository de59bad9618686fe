"""
Bytes to plain data, in one pass.

The objects are those that L{twisted.spread.banana} and then L{twisted.spread.jelly} make of the
same bytes.  Whatever else the bytes hold, or whatever is wrong with them, is for jelly: it knows
the classes, and it has the errors.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any, Final

from twisted.spread.jelly import (
    SecurityOptions,
    unjellyableFactoryRegistry,
    unjellyableRegistry,
)

from pbrealm.wire.sexp import decode_scalar
from pbrealm.wire.tokens import INT, LIST, STRING, WORDS, NotPlain, int_at

_UNICODE: Final = b"\x02\x80\x07\x82unicode"
_PAIR: Final = b"\x02\x80"
_TEXT: Final = len(_UNICODE)

_References = dict[Any, Any]


def _none(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    if count:
        raise NotPlain("None with something to it")
    return None, pos


def _scalar(buffer: bytes, pos: int, count: int, expected: type) -> tuple[Any, int]:
    if count != 1:
        raise NotPlain("not one item")
    value, pos = decode_scalar(buffer, pos, WORDS)
    if type(value) is not expected:
        raise NotPlain(value)
    return value, pos


def _unicode(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    body, pos = _scalar(buffer, pos, count, bytes)
    return body.decode(), pos


def _boolean(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    word, pos = _scalar(buffer, pos, count, bytes)
    if word == b"true":
        return True, pos
    if word == b"false":
        return False, pos
    raise NotPlain(word)


def _numbers(buffer: bytes, pos: int, count: int) -> tuple[Any, int]:
    body, pos = _scalar(buffer, pos, count, bytes)
    return map(int, body.split()), pos


def _datetime(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    numbers, pos = _numbers(buffer, pos, count)
    return datetime.datetime(*numbers), pos


def _date(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    numbers, pos = _numbers(buffer, pos, count)
    return datetime.date(*numbers), pos


def _time(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    numbers, pos = _numbers(buffer, pos, count)
    return datetime.time(*numbers), pos


def _timedelta(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    (days, seconds, microseconds), pos = _numbers(buffer, pos, count)
    return datetime.timedelta(days, seconds, microseconds), pos


def _decimal(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    value, pos = _scalar(buffer, pos, count - 1, int)
    exponent, pos = _scalar(buffer, pos, 1, int)
    guts = decimal.Decimal(value).as_tuple().digits
    return decimal.Decimal((int(value < 0), guts, exponent)), pos


def _reference(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    number, pos = _scalar(buffer, pos, count - 1, int)
    (value,), pos = _items(buffer, pos, 1, refs)
    # None would count as not there yet, and the same number twice is an error.
    if value is None or number in refs:
        raise NotPlain("an odd reference")
    refs[number] = value
    return value, pos


def _dereference(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    number, pos = _scalar(buffer, pos, count, int)
    if number not in refs:
        # Cycles are built by mending them afterwards; jelly does that.
        raise NotPlain("a reference to what isn't there yet")
    return refs[number], pos


def _tuple(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs)
    return tuple(items), pos


def _set(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs)
    return set(items), pos


def _frozenset(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs)
    return frozenset(items), pos


def _items(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[list[Any], int]:
    out: list[Any] = []
    append = out.append
    for _ in range(count):
        number = buffer[pos]
        kind = buffer[pos + 1]
        if number >= 128:
            # It has no number, so it's of no use to be quick about.
            value, pos = _value(buffer, pos, refs)
            append(value)
        elif kind == INT:
            append(number)
            pos += 2
        elif kind != LIST:
            value, pos = _value(buffer, pos, refs)
            append(value)
        elif number == 2 and buffer.startswith(_UNICODE, pos):
            number = buffer[pos + _TEXT]
            if number < 128 and buffer[pos + _TEXT + 1] == STRING:
                start = pos + _TEXT + 2
                pos = start + number
                append(buffer[start:pos].decode())
            else:
                value, pos = _unicode(buffer, pos + _TEXT, 1, refs)
                append(value)
        else:
            value, pos = _list(buffer, pos + 2, number, refs)
            append(value)
    return out, pos


def _dictionary(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    out: dict[Any, Any] = {}
    for _ in range(count):
        if not buffer.startswith(_PAIR, pos):
            raise NotPlain("not a pair")
        (key, value), pos = _items(buffer, pos + 2, 2, refs)
        out[key] = value
    return out, pos


_BY_ATOM: Final[dict[bytes, Callable[[bytes, int, int, _References], tuple[Any, int]]]] = {
    b"None": _none,
    b"boolean": _boolean,
    b"unicode": _unicode,
    b"datetime": _datetime,
    b"date": _date,
    b"time": _time,
    b"timedelta": _timedelta,
    b"decimal": _decimal,
    b"reference": _reference,
    b"dereference": _dereference,
    b"list": _items,
    b"tuple": _tuple,
    b"set": _set,
    b"frozenset": _frozenset,
    b"dictionary": _dictionary,
}

PLAIN_ATOMS: Final = frozenset(_BY_ATOM)


def _list(buffer: bytes, pos: int, count: int, refs: _References) -> tuple[Any, int]:
    if not count:
        raise NotPlain("nothing")
    atom, pos = decode_scalar(buffer, pos, WORDS)
    reader = _BY_ATOM.get(atom)
    if reader is None:
        raise NotPlain(atom)
    return reader(buffer, pos, count - 1, refs)


def _value(buffer: bytes, pos: int, refs: _References) -> tuple[Any, int]:
    start = pos
    value, pos = decode_scalar(buffer, pos, WORDS)
    if value is None:
        return _list(buffer, pos, int_at(buffer, start, pos - 1), refs)
    return value, pos


_STOCK_RULE: Final = SecurityOptions.isTypeAllowed


def has_stock_rule(security: Any) -> bool:
    """
    Whether this asks of a type no more than to be listed, or to have a dot in its name.

    Such a rule lets jelly send all that is plain data.
    """
    return getattr(security.isTypeAllowed, "__func__", None) is _STOCK_RULE


def may_decode(security: Any) -> bool:
    """
    Whether jelly, by these security options and the classes registered now, would make of plain
    data what L{decode_plain} makes of it.
    """
    return (
        has_stock_rule(security)
        and security.allowedTypes.keys() >= PLAIN_ATOMS
        and PLAIN_ATOMS.isdisjoint(unjellyableRegistry)
        and PLAIN_ATOMS.isdisjoint(unjellyableFactoryRegistry)
    )


def decode_plain(buffer: bytes, pos: int) -> Any:
    """
    The object whose bytes begin at C{pos}, where a whole message is known to be.

    @raise NotPlain: if it isn't plain data, or if anything about it is odd.
    """
    try:
        return _value(buffer, pos, {})[0]
    except (ArithmeticError, IndexError, RecursionError, TypeError, ValueError) as error:
        raise NotPlain(error) from None
