"""
What is sent later than it was passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

from twisted.python.failure import Failure

from pbrealm._wire.encode import SCALARS, encode_plain
from pbrealm._wire.tokens import NotPlain

OVERHEAD: Final = 1000
"""Bytes that keeping one thing takes, besides its own."""

NOT_PLAIN: Final = 16 * 1024
"""The least that counts for a thing whose size isn't known, since it isn't plain data."""

_PLAIN_FACTOR: Final = 8
"""Bytes that lists and the like may take for each byte of their encoding."""

_STRINGS: Final[frozenset[type]] = frozenset({str, bytes})
_COLLECTIONS: Final[frozenset[type]] = frozenset({list, tuple, dict, set})
"""The types of plain data that can be changed in place, or hold what can be."""


class Kept:
    """
    A thing as it is now.

    Plain data that could be changed is kept as a copy.  What isn't plain data is kept as it is:
    what it comes to is known when it is sent.

    @ivar thing: the thing, or an equal one.
    @ivar size: about how many bytes it takes.
    """

    __slots__ = ("size", "thing")

    def __init__(self, thing: Any, unknown: int = NOT_PLAIN) -> None:
        """
        @param unknown: what counts if the size isn't known: that of the message that led to it, or
            more.
        """
        self.thing = thing
        self.size = OVERHEAD
        kind = type(thing)
        if kind in _STRINGS:
            self.size += len(thing)
        elif kind in _COLLECTIONS:
            try:
                size = _PLAIN_FACTOR * len(encode_plain(thing))
                # Of plain data only.  What is in it more than once, or in itself, is copied so.
                self.thing = deepcopy(thing)
            except (NotPlain, RecursionError):
                self.size = unknown
            else:
                self.size += size
        elif kind not in SCALARS:
            self.size = unknown
            if isinstance(thing, Failure):
                # Its frames hold the arguments of the call.
                thing.cleanFailure()


def plain_size(arguments: Iterable[object], encoded: int) -> int:
    """
    About how many bytes plain data takes that is kept as it is.

    @param arguments: the arguments of a call.
    @param encoded: the bytes of their encoding.
    """
    if any(type(each) in _COLLECTIONS for each in arguments):
        return _PLAIN_FACTOR * encoded
    return encoded
