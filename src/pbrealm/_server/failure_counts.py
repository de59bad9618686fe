"""
How many logins have failed in a row, by account, address or network; no Deferreds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Failures:
    """What is counted by one key."""

    number: int
    """How many attempts in a row have failed."""

    last: float
    """When the last one did."""


NO_FAILURES: Final = Failures(0, 0.0)


class FailureCounts:
    """
    A bounded table of failures.

    Anybody can fill it with the failures of accounts that don't exist.  Those of a key that has
    had many aren't forgotten for that: they are in a part of their own, and to fill it takes as
    many failures for each of its entries.
    """

    def __init__(self, entries: int, many: int, memory_seconds: float) -> None:
        """
        @param entries: how many keys there may be in each part.
        @param many: from how many failures on a key is in the part of those with many.
        @param memory_seconds: without a failure, after which earlier ones are forgotten.
        """
        self.resize(entries, many, memory_seconds)
        # In both, the longest unused first.
        self._few: OrderedDict[Hashable, Failures] = OrderedDict()
        self._many: OrderedDict[Hashable, Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._few) + len(self._many)

    def resize(self, entries: int, many: int, memory_seconds: float) -> None:
        """Have other bounds, from the next failure on; the arguments are as of the constructor."""
        self._entries = entries
        self._threshold = many
        self._memory_seconds = memory_seconds

    def get(self, key: Hashable, now: float) -> Failures:
        """What is counted by a key."""
        failures = self._many.get(key) or self._few.get(key, NO_FAILURES)
        return failures if now - failures.last < self._memory_seconds else NO_FAILURES

    def add(self, key: Hashable, now: float) -> None:
        """An attempt has failed."""
        failures = Failures(self.get(key, now).number + 1, now)
        self.discard(key)
        part = self._few if failures.number < self._threshold else self._many
        part[key] = failures
        while len(part) > self._entries:
            part.popitem(last=False)

    def discard(self, key: Hashable) -> None:
        """Forget the failures of a key; one that has none is no error."""
        self._few.pop(key, None)
        self._many.pop(key, None)
