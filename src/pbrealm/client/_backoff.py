"""
How long a client waits before it tries again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf
from typing import Final

_LEAST: Final = 0.25


class Backoff:
    """
    Delays that grow with each failure, and that differ from client to client.

    Each is drawn at random, evenly between a quarter of the longest that it may be and all of it.
    The longest is C{first} seconds after one failure, and doubles with each further one up to
    C{longest}.  So a crowd whose server has gone comes back spread over most of C{first} seconds.
    """

    __slots__ = ("_first", "_longest", "_random", "_window")

    def __init__(
        self, first: float, longest: float, draw: Callable[[], float] = random.random
    ) -> None:
        """
        @param draw: returns numbers from 0 to 1.
        """
        self._first = first
        self._longest = longest
        self._random = draw
        self._window = first

    def next(self, at_most: float = inf) -> float:
        """
        The seconds to wait after a failure.

        @param at_most: bounds the longest that they may be, this time.
        """
        window = min(self._window, at_most)
        self._window = min(2 * self._window, self._longest)
        return window * (_LEAST + (1 - _LEAST) * self._random())

    def soon(self) -> float:
        """
        The seconds to wait before something else is tried, which hasn't failed yet: less than
        after a failure, and also drawn at random.
        """
        return self._first * _LEAST * self._random()

    def lasted(self, seconds: float) -> bool:
        """
        What was tried has worked for so many seconds: begin anew after C{longest} or more.

        @return: whether it has begun anew.
        """
        if seconds < self._longest:
            return False
        self.reset()
        return True

    def reset(self) -> None:
        """Begin anew, with the shortest delay."""
        self._window = self._first
