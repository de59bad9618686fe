"""
Histograms of seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import Final

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005),
    *(0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0),
)
"""The upper bounds of the buckets, in seconds, but for that of the last, which has none."""


class Histogram:
    """
    Counts how often something took how long.

    That costs a fifth of what a C{Histogram} of C{prometheus_client} does, which takes a lock.

    @ivar counts: of each bucket.
    @ivar sum: seconds in all.
    """

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """It took so long."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def buckets(self) -> Sequence[tuple[float, int]]:
        """Each bound, and how many took no longer; the last is infinite."""
        return tuple(zip((*BOUNDS, inf), accumulate(self.counts), strict=True))
