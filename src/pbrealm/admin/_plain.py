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
"""Of all strings and numbers of an answer together."""

MAX_REPLY_VALUES: Final = 10_000
"""How many values all answers of a reply may have inside."""

MAX_REPLY_CHARACTERS: Final = 100_000
"""Of all strings and numbers of all answers of a reply together."""

_MAX_DEPTH: Final = 20
_MAX_BITS: Final = 1024
_MAX_ITEMS: Final = 20


class _NotPlain(Exception):
    """JSON can't hold a value, or it's too large."""


class Budget:
    """
    What the answers of a reply may still have.
    """

    def __init__(
        self, values: int = MAX_REPLY_VALUES, characters: int = MAX_REPLY_CHARACTERS
    ) -> None:
        self.values = values
        self.characters = characters

    def of_one(self) -> Budget:
        """What the next answer may have."""
        return Budget(min(self.values, MAX_VALUES), min(self.characters, MAX_CHARACTERS))

    def spend(self, given: Budget, left: Budget) -> None:
        """An answer has taken the difference of these."""
        self.values -= given.values - left.values
        self.characters -= given.characters - left.characters

    def take(self, characters: int = 0) -> None:
        self.values -= 1
        self.characters -= characters
        if self.values < 0 or self.characters < 0:
            raise _NotPlain


def plain(value: object, budget: Budget) -> Any:
    """
    An answer as JSON can hold it.

    @param budget: of the reply that the answer is for, from which it takes what it has inside.
    @return: the same, or its C{repr}, cut and escaped, if it is anything else than that, or too
        large.
    """
    left = budget.of_one()
    try:
        found = _plain(value, left, _MAX_DEPTH)
    except _NotPlain:
        return log_text(_REPR.repr(value))
    budget.spend(budget.of_one(), left)
    return found


def _plain(value: Any, budget: Budget, depth: int) -> Any:
    # A subclass may do anything, so it isn't asked.
    kind = type(value)
    if depth == 0:
        raise _NotPlain
    if kind is str:
        budget.take(len(value))
        return value
    if kind is int and value.bit_length() <= _MAX_BITS:
        # A digit has more than 3 bits.
        budget.take(value.bit_length() // 3)
        return value
    budget.take()
    if value is None or kind is bool:
        return value
    if kind is float and isfinite(value):
        return value
    if kind in (list, tuple):
        return [_plain(each, budget, depth - 1) for each in value]
    if kind is dict:
        return {_key(key, budget): _plain(value[key], budget, depth - 1) for key in value}
    raise _NotPlain


def _key(key: object, budget: Budget) -> str:
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

    # Those of Repr sort all items first.
    def repr_dict(self, x: Any, level: int) -> str:
        return super().repr_dict(x, level) if len(x) <= _MAX_ITEMS else _size(x)

    def repr_set(self, x: Any, level: int) -> str:
        return super().repr_set(x, level) if len(x) <= _MAX_ITEMS else _size(x)

    def repr_frozenset(self, x: Any, level: int) -> str:
        return super().repr_frozenset(x, level) if len(x) <= _MAX_ITEMS else _size(x)

    def repr_bytes(self, x: bytes, level: int) -> str:
        return repr(x[: self.maxother])


def _size(items: Any) -> str:
    return f"<a {type(items).__name__} of {len(items)} items>"


_REPR: Final = _BoundedRepr()
# Each level takes up to 6 times as long as the one below.
_REPR.maxlevel = 3
_REPR.maxother = _REPR.maxstring = 100
