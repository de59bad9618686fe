"""
How often a second each side does something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from statistics import median


class Rates:
    """
    The rates of all rounds.  Those of one round are compared with one another.
    """

    def __init__(self) -> None:
        self._rates: defaultdict[tuple[str, Hashable], list[float]] = defaultdict(list)

    def add(self, side: str, what: Hashable, rate: float) -> None:
        """The rate of a side in one more round."""
        self._rates[side, what].append(rate)

    def best(self, side: str, what: Hashable) -> float:
        """The best of the rounds: all that disturbs takes from it."""
        return max(self._rates[side, what])

    def middle(self, side: str, what: Hashable) -> float:
        """The middle one of the rounds."""
        return median(self._rates[side, what])

    def ratio(self, side: str, other: str, what: Hashable) -> float:
        """The middle one of the rounds' ratios of two sides."""
        pairs = zip(self._rates[side, what], self._rates[other, what], strict=True)
        return median(one / two for one, two in pairs)
