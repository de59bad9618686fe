"""
Decoding plain data from bytes, in one pass.

The objects equal those that L{twisted.spread.banana} and L{twisted.spread.jelly} make of the same
bytes in two passes.  Bytes that are anything else, or aren't valid, raise one of
L{DECODE_ERRORS}; the caller then falls back on Twisted, which knows other classes and has the
proper errors.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from pbrealm._wire.hashed_keys import MAX_EQUAL_HASHES, check_dictionary, check_set
from pbrealm._wire.message_limits import DEFAULT_LIMITS
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
    INCOMING_VOCABULARY,
    INT,
    LIST,
    PAIR_START,
    STRING,
    UNICODE_START,
    VOCAB,
    NotPlain,
    float_at,
    int_at,
    string_token,
)

# The entries of References: refs[number] is an object that can be referred back to, and
# refs[_REPEATED, number] is the size of its jelly in bytes.  refs[_REPEATED] is how many bytes the
# back references so far would have taken, had each repeated the jelly of its object, and
# refs[_HASHED] is the part of it that is in keys.
# refs[_ALLOWED] is how many they may be, if that isn't the default.
_REPEATED: Final = "repeated"
_HASHED: Final = "hashed"
_ALLOWED: Final = "allowed"
_DEFAULT_REPEATED_BYTES: Final = DEFAULT_LIMITS.repeated_bytes

# How many bytes may be repeated in keys: at least so many, and more if the jelly is long.
_MIN_HASHED_BYTES: Final = 64 * 1024
_HASHED_BYTES_PER_BYTE: Final = 16

# Numbers beyond this aren't accepted for references.  Jelly counts them from 1, and no message has
# as many; larger numbers could be chosen to be slow to look up.
MAX_REFERENCE: Final = 2**20

# From what the jelly of a short str starts with to the length of the str in bytes, or None for
# other bytes; and the same for a str that is a key.
_str_length: Final = {UNICODE_START + string_token(length): length for length in range(128)}.get
_key_length: Final = {
    PAIR_START + UNICODE_START + string_token(length): length for length in range(128)
}.get
_STR_START: Final = len(UNICODE_START) + 2
_PAIR_START: Final = len(PAIR_START)
_KEY_START: Final = _PAIR_START + _STR_START


def _reference(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    number, pos = scalar_at(buffer, pos, count - 1, int)
    if not -MAX_REFERENCE < number < MAX_REFERENCE:
        raise NotPlain("a number that jelly wouldn't use")
    start = pos
    before = refs.get(_REPEATED, 0)
    value, pos = _value(buffer, pos, refs, depth - 1)
    # Jelly takes None for a reference that isn't resolved, and refuses a number used twice.
    if value is None or number in refs:
        raise NotPlain("reference to None, or number used twice")
    refs[number] = value
    refs[_REPEATED, number] = pos - start + refs.get(_REPEATED, 0) - before
    return value, pos


def _dereference(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    number, pos = scalar_at(buffer, pos, count, int)
    if number not in refs:
        # A cycle.  Jelly resolves these once the object is complete.
        raise NotPlain("reference to an incomplete object")
    repeated = refs.get(_REPEATED, 0) + refs[_REPEATED, number]
    if repeated > refs.get(_ALLOWED, _DEFAULT_REPEATED_BYTES):
        # This may be an attack.  On the way through jelly, check_amplification finds out.
        raise NotPlain("too much is repeated")
    refs[_REPEATED] = repeated
    return refs[number], pos


def _tuple(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    items, pos = _items(buffer, pos, count, refs, depth)
    return tuple(items), pos


def _set(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    items, pos = _set_items(buffer, pos, count, refs, depth)
    return set(items), pos


def _frozenset(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    items, pos = _set_items(buffer, pos, count, refs, depth)
    return frozenset(items), pos


def _set_items(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[list[Any], int]:
    before = refs.get(_REPEATED, 0)
    items, pos = _items(buffer, pos, count, refs, depth)
    _count_hashed(refs, before, pos)
    check_set(items)
    return items, pos


def _count_hashed(refs: References, before: int, pos: int) -> None:
    """
    Count what is repeated in keys, all of which is visited to hash them.

    @param before: how much was repeated before these keys.
    @param pos: where the keys end.
    """
    repeated = refs.get(_REPEATED, 0) - before
    if repeated:
        hashed = refs[_HASHED] = refs.get(_HASHED, 0) + repeated
        if hashed > _MIN_HASHED_BYTES + _HASHED_BYTES_PER_BYTE * pos:
            raise NotPlain("too much is repeated in keys")


def _items(
    buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[list[Any], int]:
    if depth < 2:
        raise NotPlain("nested too deeply")
    depth -= 1
    str_length = _str_length
    out: list[Any] = []
    append = out.append
    for _ in range(count):
        length = str_length(buffer[pos : pos + _STR_START])
        if length is not None:
            start = pos + _STR_START
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
        raise NotPlain("nested too deeply")
    depth -= 2
    str_length = _str_length
    key_length = _key_length
    out: dict[Any, Any] = {}
    for left in range(count, 0, -1):
        length = key_length(buffer[pos : pos + _KEY_START])
        if length is not None:
            start = pos + _KEY_START
            pos = start + length
            key: Any = buffer[start:pos].decode()
        elif count > MAX_EQUAL_HASHES:
            return _add_checked(out, buffer, pos, left, refs, depth)
        else:
            key, pos = _key(buffer, pos, refs, depth)
        length = str_length(buffer[pos : pos + _STR_START])
        if length is not None:
            start = pos + _STR_START
            pos = start + length
            out[key] = buffer[start:pos].decode()
        else:
            out[key], pos = _value(buffer, pos, refs, depth)
    return out, pos


def _add_checked(
    out: dict[Any, Any], buffer: bytes, pos: int, count: int, refs: References, depth: int
) -> tuple[Any, int]:
    """Decode the rest of a large dictionary, and check its keys before any is added."""
    str_length = _str_length
    key_length = _key_length
    keys = list(out)
    values = list(out.values())
    add_key = keys.append
    add_value = values.append
    for _ in range(count):
        length = key_length(buffer[pos : pos + _KEY_START])
        if length is not None:
            start = pos + _KEY_START
            pos = start + length
            add_key(buffer[start:pos].decode())
        else:
            key, pos = _key(buffer, pos, refs, depth)
            add_key(key)
        length = str_length(buffer[pos : pos + _STR_START])
        if length is not None:
            start = pos + _STR_START
            pos = start + length
            add_value(buffer[start:pos].decode())
        else:
            value, pos = _value(buffer, pos, refs, depth)
            add_value(value)
    check_dictionary(keys)
    return dict(zip(keys, values, strict=True)), pos


def _key(buffer: bytes, pos: int, refs: References, depth: int) -> tuple[Any, int]:
    if not buffer.startswith(PAIR_START, pos):
        raise NotPlain("not a pair of key and value")
    pos += _PAIR_START
    # The most frequent numbers, as in _value.
    number = buffer[pos]
    if number < 128:
        second = buffer[pos + 1]
        if second == INT:
            return number, pos + 2
        if second < 128 and buffer[pos + 2] == INT:
            return number | second << 7, pos + 3
    before = refs.get(_REPEATED, 0)
    key, pos = _value(buffer, pos, refs, depth)
    if refs:
        _count_hashed(refs, before, pos)
    return key, pos


_Decoder = Callable[[bytes, int, int, References, int], tuple[Any, int]]

_DECODERS: Final[dict[bytes, _Decoder]] = {
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

_DECODERS_BY_NUMBER: Final[dict[int, _Decoder]] = {
    number: _DECODERS[word] for number, word in INCOMING_VOCABULARY.items() if word in _DECODERS
}

PLAIN_ATOMS: Final = frozenset(_DECODERS)
"""The atoms that the jelly of plain data starts with."""


def _value(buffer: bytes, pos: int, refs: References, depth: int) -> tuple[Any, int]:
    # The most frequent tokens, whose prefix has one digit or two; others go to _any_token.
    number = buffer[pos]
    if number >= 128:
        if number == FLOAT:
            return float_at(buffer, pos + 1)[0], pos + 9
        if number == INT:
            # A zero without digits, as no peer writes it, in one byte.
            return 0, pos + 1
        return _any_token(buffer, pos, refs, depth)
    # The type byte, or the second digit.
    second = buffer[pos + 1]
    if second == LIST:
        return _list(buffer, pos + 2, number, refs, depth)
    if second == INT:
        return number, pos + 2
    if second == STRING:
        pos += 2
        return buffer[pos : pos + number], pos + number
    if second < 128 and buffer[pos + 2] == INT:
        return number | second << 7, pos + 3
    return _any_token(buffer, pos, refs, depth)


def _list(buffer: bytes, pos: int, count: int, refs: References, depth: int) -> tuple[Any, int]:
    if count < 1 or depth < 1:
        raise NotPlain("empty list, or nested too deeply")
    number = buffer[pos]
    if number < 128:
        type_byte = buffer[pos + 1]
        pos += 2
        if type_byte == VOCAB:
            decoder = _DECODERS_BY_NUMBER.get(number)
        else:
            decoder = _DECODERS.get(buffer[pos : pos + number]) if type_byte == STRING else None
            pos += number
        if decoder is not None:
            return decoder(buffer, pos, count - 1, refs, depth)
    raise NotPlain("unknown atom")


def _any_token(buffer: bytes, pos: int, refs: References, depth: int) -> tuple[Any, int]:
    """Decode a value, whatever token it starts with."""
    start = pos
    value, pos = token_at(buffer, pos)
    if value is None:
        return _list(buffer, pos, int_at(buffer, start, pos - 1), refs, depth)
    return value, pos


DECODE_ERRORS: Final = (
    NotPlain,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""
What L{decode_next} raises for bytes that aren't plain data, or are invalid or incomplete.

For keys that are slow to add to a dictionary or a set it raises L{MessageTooLarge
<pbrealm._wire.message_limits.MessageTooLarge>}.
"""


def decode_next(
    buffer: bytes, pos: int, depth: int, repeated_bytes: int = _DEFAULT_REPEATED_BYTES
) -> tuple[Any, int]:
    """
    Decode the object whose jelly starts at C{pos}.

    The bytes need not have been scanned before, and may be incomplete.

    @param depth: how many levels of lists are allowed.  Some jelly within this limit is refused.
    @param repeated_bytes: as in L{MessageLimits<pbrealm._wire.message_limits.MessageLimits>}.
    @return: the object, and where its jelly ends.  If that is beyond the end of the buffer, the
        jelly is incomplete and the object is not to be used.
    @raise Exception: one of L{DECODE_ERRORS}.
    @raise MessageTooLarge: see there.
    """
    refs = {} if repeated_bytes == _DEFAULT_REPEATED_BYTES else {_ALLOWED: repeated_bytes}
    return _value(buffer, pos, refs, depth)


def decode_header_item(buffer: bytes, pos: int) -> tuple[Any, int]:
    """
    Decode a number or a byte string of a message's header; otherwise as L{decode_next}.

    @raise Exception: one of L{DECODE_ERRORS}, also for a list.
    """
    number = buffer[pos]
    if number < 128:
        # The type byte, or the second digit.
        second = buffer[pos + 1]
        if second == INT:
            return number, pos + 2
        if second == STRING:
            pos += 2
            return buffer[pos : pos + number], pos + number
        if second < 128 and buffer[pos + 2] == INT:
            return number | second << 7, pos + 3
    value, pos = token_at(buffer, pos)
    if value is None:
        raise NotPlain("list in a header")
    return value, pos


def decode_plain(buffer: bytes, pos: int, repeated_bytes: int = _DEFAULT_REPEATED_BYTES) -> Any:
    """
    Decode the object whose jelly starts at C{pos}, in a message that is complete.

    @param repeated_bytes: as for L{decode_next}.
    @raise NotPlain: if the jelly isn't that of plain data, or isn't valid.
    @raise MessageTooLarge: for keys that are slow to add to a dictionary or a set.
    """
    try:
        return decode_next(buffer, pos, sys.maxsize, repeated_bytes)[0]
    except DECODE_ERRORS as error:
        raise NotPlain(error) from None
