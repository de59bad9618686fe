"""
Keys and values as bytes, in Perspective Broker's encoding of plain data.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from pbrealm._wire.decode import DECODE_ERRORS, decode_next
from pbrealm._wire.encode import SCALARS, encode_plain, str_token
from pbrealm._wire.hashed_keys import MAX_EQUAL_HASHES
from pbrealm._wire.message_limits import MessageTooLarge
from pbrealm._wire.tokens import (
    PAIR_START,
    UNICODE_START,
    VOCABULARY_TOKENS,
    NotPlain,
    bytes_token,
)
from pbrealm.store._unstorable import shown, why_unstorable

MAX_BYTES: Final = 16 * 1024 * 1024
"""How long an encoded key or value may be: as long as a message, so that clients can get it."""

_SCALARS: Final = frozenset({*SCALARS, bytes})
_REFERENCE: Final = VOCABULARY_TOKENS[b"dereference"]
_SET: Final = bytes_token(b"set")
_FROZENSET: Final = bytes_token(b"frozenset")

_UNEQUAL: Final = "it doesn't equal itself"


def encode_key(key: object) -> bytes:
    """
    Encode a key.

    @raise TypeError: if it can't be stored, or not be found again.
    """
    try:
        if type(key) is str:
            return str_token(key)
        encoded = _encode(key)
        # Not equal to itself: NaN, or a collection with it.
        if _decode(encoded) != key:
            raise NotPlain(_UNEQUAL)
    except (NotPlain, UnicodeEncodeError) as error:
        why = why_unstorable(key) or error
        raise TypeError(f"the key {shown(key)} can't be stored: {why}") from None
    return encoded


def encode_value(key: object, value: object) -> bytes:
    """
    Encode the value of a key.

    @raise TypeError: if it can't be stored, or not be loaded again.
    """
    try:
        return _encode(value)
    except NotPlain as error:
        why = why_unstorable(value) or error
        raise TypeError(f"the value of {shown(key)} can't be stored: {why}") from None


def decode_key(encoded: bytes) -> Any:
    """
    Decode a key.

    @raise ValueError: if the bytes aren't those of a key.
    """
    try:
        key = _decode(encoded)
        hash(key)
    except (NotPlain, TypeError) as error:
        raise ValueError(f"not a key: {error}") from None
    return key


def decode_value(encoded: bytes) -> Any:
    """
    Decode a value.

    @raise ValueError: if the bytes aren't those of a value.
    """
    try:
        return _decode(encoded)
    except NotPlain as error:
        raise ValueError(f"not a value: {error}") from None


def _encode(thing: object) -> bytes:
    encoded = encode_plain(thing)
    if len(encoded) > MAX_BYTES:
        raise NotPlain(f"it takes {len(encoded):,} bytes, of which {MAX_BYTES:,} are allowed")
    if type(thing) not in _SCALARS and not _is_safe(encoded):
        _decode(encoded)
    return encoded


def _is_safe(encoded: bytes) -> bool:
    """
    Whether a collection can certainly be decoded again: nothing in it is within itself, and it has
    too few keys for too many to have the same hash.
    """
    if _REFERENCE in encoded:
        return False
    # Each item takes two bytes at least.
    if len(encoded) <= 2 * MAX_EQUAL_HASHES:
        return True
    if _SET in encoded or _FROZENSET in encoded:
        return False
    # Strings begin as the pairs of a dictionary do.
    return encoded.count(PAIR_START) - encoded.count(UNICODE_START) <= MAX_EQUAL_HASHES


def _decode(encoded: bytes) -> Any:
    try:
        thing, end = decode_next(encoded, 0, sys.maxsize)
    except MessageTooLarge:
        raise NotPlain(f"more than {MAX_EQUAL_HASHES} keys in it have the same hash") from None
    except DECODE_ERRORS as error:
        raise NotPlain(error) from None
    if end != len(encoded):
        raise NotPlain("the bytes are too few or too many")
    return thing
