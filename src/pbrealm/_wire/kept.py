"""
What is sent later than it was passed.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from pbrealm._wire.decode import decode_next
from pbrealm._wire.encode import SCALARS, encode_plain
from pbrealm._wire.tokens import NotPlain

OVERHEAD: Final = 1000
"""Bytes that keeping one thing takes, besides its own."""

NOT_PLAIN: Final = 16 * 1024
"""What counts for a thing whose size isn't known, since it isn't plain data."""

_STRINGS: Final[frozenset[type]] = frozenset({str, bytes})
_COLLECTIONS: Final[frozenset[type]] = frozenset({list, tuple, dict, set})
"""The types of plain data that can be changed in place, or hold what can be."""


class Kept:
    """
    A thing as it is now.

    Plain data that could be changed is kept encoded.  What isn't plain data is kept as it is: what
    it comes to is known when it is sent.

    @ivar size: about how many bytes it takes.
    """

    __slots__ = ("_encoded", "_thing", "size")

    def __init__(self, thing: Any) -> None:
        self._thing = thing
        self._encoded = b""
        self.size = OVERHEAD
        kind = type(thing)
        if kind in _STRINGS:
            self.size += len(thing)
        elif kind in _COLLECTIONS:
            try:
                self._encoded = encode_plain(thing)
            except NotPlain:
                self.size = NOT_PLAIN
            else:
                self._thing = None
                self.size += len(self._encoded)
        elif kind not in SCALARS:
            self.size = NOT_PLAIN

    def get(self) -> Any:
        """The thing, or an equal one."""
        return decode_next(self._encoded, 0, sys.maxsize)[0] if self._encoded else self._thing
