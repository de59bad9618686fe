"""
Banana's tokens, as bytes.

A token is a number in base 128, least digit first, then a byte of 128 or more that says what the
number counts or is, then for some kinds a body.  See L{twisted.spread.banana}, which speaks of
"dialects": all that is here is the dialect C{pb}, the one that every broker chooses.
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
"""Digits of a number, as L{banana} has them by default."""

_LARGEST_INT: Final = 2**31 - 1
_SMALLEST_INT: Final = -(2**31)
_LARGEST_LONG: Final = 2 ** (PREFIX_LIMIT * 7) - 1

WORDS: Final[dict[int, bytes]] = dict(banana.Banana.incomingVocabulary)
"""What the vocabulary's numbers stand for."""


class NotPlain(Exception):
    """
    What was to be encoded or decoded isn't plain data, or isn't as it ought to be.

    It never leaves L{pbrealm._wire}: whoever meets it takes Twisted's own way, for which this may
    be no news at all, or an error that has a better name.
    """


def digits(number: int) -> bytes:
    """
    A number, not negative, in base 128.
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
    What begins a list.

    @raise NotPlain: if banana would refuse to send one so long.
    """
    if length < 128:
        return bytes((length, LIST))
    if length > banana.SIZE_LIMIT:
        raise NotPlain("a list too long to send")
    return digits(length) + b"\x80"


def int_token(number: int) -> bytes:
    """
    A whole number.

    @raise NotPlain: if banana would refuse to send one so large.
    """
    if 0 <= number <= _LARGEST_INT:
        if number < 128:
            return bytes((number, INT))
        if number < 16384:
            return bytes((number & 127, number >> 7, INT))
        return digits(number) + b"\x81"
    if number > 0:
        if number > _LARGEST_LONG:
            raise NotPlain("a number too large to send")
        return digits(number) + b"\x85"
    if number >= _SMALLEST_INT:
        return digits(-number) + b"\x83"
    if number < -_LARGEST_LONG:
        raise NotPlain("a number too small to send")
    return digits(-number) + b"\x86"


float_token = struct.Struct("!Bd").pack
"""C{float_token(FLOAT, x)}"""

float_at = struct.Struct("!d").unpack_from
"""C{float_at(buffer, position)[0]}"""

VOCABULARY: Final[dict[bytes, bytes]] = {
    word: digits(number) + b"\x87" for number, word in WORDS.items()
}
"""The token of each word that has a number of its own."""

_LONGEST_WORD: Final = max(map(len, VOCABULARY))
# To look for a long string in the vocabulary would take as long as to read it once more.

_LARGE: Final = 1024
"""Bytes, from which on joining two strings once more is a waste."""


def string_token(length: int) -> bytes:
    """
    What begins a string of bytes.

    @raise NotPlain: if banana would refuse to send one so long.
    """
    if length < 128:
        return bytes((length, STRING))
    if length > banana.SIZE_LIMIT:
        raise NotPlain("a string too long to send")
    return digits(length) + b"\x82"


def bytes_token(body: bytes) -> bytes:
    """
    A string of bytes, or the number that the vocabulary has for it.

    @raise NotPlain: if banana would refuse to send one so long.
    """
    length = len(body)
    if length <= _LONGEST_WORD:
        word = VOCABULARY.get(body)
        if word is not None:
            return word
    return string_token(length) + body


def write_bytes(body: bytes, parts: list[bytes]) -> None:
    """
    Append L{bytes_token}; a large body isn't copied for it.
    """
    if len(body) > _LARGE:
        parts += (string_token(len(body)), body)
    else:
        parts.append(bytes_token(body))


def int_at(buffer: bytes | bytearray, start: int, end: int) -> int:
    """
    The number whose digits are C{buffer[start:end]}.
    """
    number = 0
    for digit in reversed(buffer[start:end]):
        number = number << 7 | digit
    return number
