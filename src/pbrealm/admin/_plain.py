"""
What clients have answered, as JSON of a bounded size.
"""

from __future__ import annotations

from math import isfinite
from reprlib import Repr
from typing import Any, Final

from pbrealm._log_text import log_text

MAX_VALUES: Final = 1000
"""How many values an answer may have inside."""

MAX_CHARACTERS: Final = 10_000
"""Of all strings of an answer together."""

_MAX_DEPTH: Final = 20
_MAX_BITS: Final = 1024


class _NotPlain(Exception):
    """JSON can't hold a value, or it's too large."""


class _Budget:
    def __init__(self) -> None:
        self.values = MAX_VALUES
        self.characters = MAX_CHARACTERS

    def take(self, characters: int = 0) -> None:
        self.values -= 1
        self.characters -= characters
        if self.values < 0 or self.characters < 0:
            raise _NotPlain


def plain(value: object) -> Any:
    """
    An answer as JSON can hold it.

    @return: the same, or its C{repr}, cut and escaped, if it is anything else than that, or too
        large.
    """
    try:
        return _plain(value, _Budget(), _MAX_DEPTH)
    except _NotPlain:
        return log_text(_REPR.repr(value))


def _plain(value: Any, budget: _Budget, depth: int) -> Any:
    # A subclass may do anything, so it isn't asked.
    kind = type(value)
    if depth == 0:
        raise _NotPlain
    if kind is str:
        budget.take(len(value))
        return value
    budget.take()
    if value is None or kind is bool:
        return value
    if kind is int and value.bit_length() <= _MAX_BITS:
        return value
    if kind is float and isfinite(value):
        return value
    if kind in (list, tuple):
        return [_plain(each, budget, depth - 1) for each in value]
    if kind is dict:
        return {_key(key, budget): _plain(value[key], budget, depth - 1) for key in value}
    raise _NotPlain


def _key(key: object, budget: _Budget) -> str:
    if type(key) is not str:
        raise _NotPlain
    budget.take(len(key))
    return key


class _BoundedRepr(Repr):
    """
    Looks at little of a large value only.
    """

    def repr_int(self, x: int, level: int) -> str:
        return repr(x) if x.bit_length() <= _MAX_BITS else f"<a number of {x.bit_length()} bits>"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[: self.maxother])


_REPR: Final = _BoundedRepr()
_REPR.maxother = _REPR.maxstring = 100
