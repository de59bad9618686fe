"""
Banana's tokens: encoding numbers, strings and list headers.

A token is a prefix, a type byte of 128 or more, and for some types a body.  The prefix is a number
in base 128, least significant digit first: the value of an integer, the length of a string or a
list, or the index of a word in the vocabulary.  This module has the dialect C{pb}, which every
broker selects.  See L{twisted.spread.banana}.
"""

from __future__ import annotations

import struct
from typing import Final

from twisted.spread import banana

LIST: Final = 0x80
INT: Final = 0x81
STRING: Final = 0x82
NEG: Final = 0x83
FLOAT: Final = 0x84
LONGINT: Final = 0x85
LONGNEG: Final = 0x86
VOCAB: Final = 0x87

DIALECT: Final = b"pb"

PREFIX_LIMIT: Final = 64
"""Digits of a prefix, as L{twisted.spread.banana} limits them by default."""

_LARGEST_INT: Final = 2**31 - 1
_SMALLEST_INT: Final = -(2**31)
MAX_INT_BITS: Final = PREFIX_LIMIT * 7
"""How long an integer may be, without its sign."""

_LARGEST_LONG: Final = 2**MAX_INT_BITS - 1

INCOMING_VOCABULARY: Final[dict[int, bytes]] = dict(banana.Banana.incomingVocabulary)
"""The words of Twisted's vocabulary by their numbers."""


class NotPlain(Exception):
    """
    The input isn't plain data, or isn't valid.

    This error stays within the codec.  The code that catches it falls back on Twisted's banana or
    jelly, which handle the input or raise the proper error.
    """


def prefix(number: int) -> bytes:
    """
    Encode a prefix.

    @param number: not negative.
    """
    if number < 128:
        return bytes((number,))
    if number < 16384:
        return bytes((number & 127, number >> 7))
    out = bytearray()
    while number:
        out.append(number & 127)
        number >>= 7
    return bytes(out)


def list_token(length: int) -> bytes:
    """
    Encode the header of a list.

    @raise NotPlain: if the list is longer than banana allows.
    """
    if length < 128:
        return bytes((length, LIST))
    if length > banana.SIZE_LIMIT:
        raise NotPlain("a list too long to send")
    return prefix(length) + b"\x80"


def int_token(number: int) -> bytes:
    """
    Encode an integer.

    @raise NotPlain: if the integer has more digits than banana allows.
    """
    if 0 <= number <= _LARGEST_INT:
        if number < 128:
            return bytes((number, INT))
        if number < 16384:
            return bytes((number & 127, number >> 7, INT))
        return prefix(number) + b"\x81"
    if number > 0:
        if number > _LARGEST_LONG:
            raise NotPlain("a number too large to send")
        return prefix(number) + b"\x85"
    if number >= _SMALLEST_INT:
        return prefix(-number) + b"\x83"
    if number < -_LARGEST_LONG:
        raise NotPlain("a number too small to send")
    return prefix(-number) + b"\x86"


float_token = struct.Struct("!Bd").pack
"""Encode a float: C{float_token(FLOAT, x)}."""

float_at = struct.Struct("!d").unpack_from
"""Decode the body of a float: C{float_at(buffer, position)[0]}."""

VOCABULARY_TOKENS: Final[dict[bytes, bytes]] = {
    word: prefix(number) + b"\x87" for number, word in INCOMING_VOCABULARY.items()
}
"""The tokens of the words in Twisted's vocabulary."""

# A longer string isn't looked up in the vocabulary, as hashing it takes time.
_MAX_WORD_LENGTH: Final = max(map(len, VOCABULARY_TOKENS))

# From this size on, header and body stay separate, which avoids one copy of the body.
_MIN_SEPARATE_BODY: Final = 1024


def string_token(length: int) -> bytes:
    """
    Encode the header of a byte string.

    @raise NotPlain: if the string is longer than banana allows.
    """
    if length < 128:
        return bytes((length, STRING))
    if length > banana.SIZE_LIMIT:
        raise NotPlain("a string too long to send")
    return prefix(length) + b"\x82"


def bytes_token(body: bytes) -> bytes:
    """
    Encode a byte string, as a vocabulary token if it is a word of the vocabulary.

    @raise NotPlain: if the string is longer than banana allows.
    """
    length = len(body)
    if length <= _MAX_WORD_LENGTH:
        token = VOCABULARY_TOKENS.get(body)
        if token is not None:
            return token
    return string_token(length) + body


def write_bytes(body: bytes, parts: list[bytes]) -> None:
    """
    Append the token of a byte string to C{parts}, without copying a large body.

    @raise NotPlain: if the string is longer than banana allows.
    """
    if len(body) > _MIN_SEPARATE_BODY:
        parts += (string_token(len(body)), body)
    else:
        parts.append(bytes_token(body))


def int_at(buffer: bytes | bytearray, start: int, end: int) -> int:
    """
    Decode the prefix in C{buffer[start:end]}.
    """
    number = 0
    for digit in reversed(buffer[start:end]):
        number = number << 7 | digit
    return number


CALL_START: Final = list_token(7) + VOCABULARY_TOKENS[b"message"]
"""The start of a call of one of the peer's objects."""

CACHE_CALL_START: Final = list_token(7) + VOCABULARY_TOKENS[b"cachemessage"]
"""The start of a call of an object that the peer caches."""

ANSWER_START: Final = list_token(3) + VOCABULARY_TOKENS[b"answer"]
"""The start of an answer to a call."""

DECREF_START: Final = list_token(2) + VOCABULARY_TOKENS[b"decref"]
"""The start of a message that one reference less is held to one of the peer's objects."""

EMPTY_DICTIONARY: Final = list_token(1) + VOCABULARY_TOKENS[b"dictionary"]
"""The jelly of C{{}}."""

UNICODE_START: Final = list_token(2) + bytes_token(b"unicode")
"""The start of the jelly of a C{str}."""

PAIR_START: Final = list_token(2)
"""The start of a key and its value in the jelly of a C{dict}."""
