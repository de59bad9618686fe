"""
What is sent later than it was passed.
"""

from __future__ import annotations

import pickle
from typing import Any, Final

from twisted.python.failure import Failure

from pbrealm._wire.encode import SCALARS, encode_plain
from pbrealm._wire.tokens import NotPlain

NOT_PLAIN: Final = 16 * 1024
"""What counts for a thing whose size isn't known, since it isn't plain data."""

_OVERHEAD: Final = 500
"""Bytes that keeping one thing takes, besides its own."""

_STRINGS: Final[frozenset[type]] = frozenset({str, bytes})
_COLLECTIONS: Final[frozenset[type]] = frozenset({list, tuple, dict, set, frozenset})
"""The types of plain data that can be changed in place, or hold what can be."""


class Kept:
    """
    A thing as it is now.

    Plain data that could be changed is kept as bytes, of which an equal thing is made when it is
    sent.  What isn't plain data is kept as it is: what it comes to is known only then.

    @ivar size: about how many bytes it takes.
    """

    __slots__ = ("_packed", "_thing", "size")

    def __init__(self, thing: Any) -> None:
        self._packed: bytes | None = None
        self._thing = thing
        self.size = _OVERHEAD
        kind = type(thing)
        if kind in _STRINGS:
            self.size += len(thing)
        elif kind in _COLLECTIONS:
            try:
                encode_plain(thing)
            except NotPlain:
                self.size = NOT_PLAIN
            else:
                # Exact types of plain data only, so no code but the pickler's own runs.  Unlike
                # jelly, it gives back what contains itself.
                self._packed, self._thing = pickle.dumps(thing, pickle.HIGHEST_PROTOCOL), None
                self.size += len(self._packed)
        elif kind not in SCALARS:
            self.size = NOT_PLAIN
            if isinstance(thing, Failure):
                # Its frames hold the arguments of the call.
                thing.cleanFailure()
                self.size += len(thing.getErrorMessage())

    @property
    def thing(self) -> Any:
        """The thing, or an equal one."""
        return self._thing if self._packed is None else pickle.loads(self._packed)
