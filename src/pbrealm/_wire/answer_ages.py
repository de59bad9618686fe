"""
For how long a peer has owed its oldest answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

from twisted.internet.interfaces import IReactorTime

_RESOLUTION: Final = 1.0
"""Seconds between two calls whose time is noted."""

_MAX_MARKS: Final = 64
"""How many times are kept.  Beyond that, every second one is forgotten."""


class AnswerAges:
    """
    Notes when calls are made, to the second.
    """

    __slots__ = ("_clock", "_marks", "_next")

    def __init__(self, clock: IReactorTime, awaited: Collection[int]) -> None:
        """
        @param awaited: the ids of requests without an answer, in order.  They count as made now.
        """
        self._clock = clock
        # Ids of requests, and when they were made.
        self._marks: deque[tuple[int, float]] = deque()
        self._next = 0.0
        for request_id in awaited:
            self.called(request_id, awaited)
            break

    def called(self, request_id: int, awaited: Collection[int]) -> None:
        """
        A call is made.

        @param awaited: the ids of requests without an answer, in order, this one's included.
        """
        now = self._clock.seconds()
        if now >= self._next:
            self._next = now + _RESOLUTION
            self._marks.append((request_id, now))
            self._forget(awaited)
            if len(self._marks) > _MAX_MARKS:
                # The oldest counts for those after it, too.
                self._marks = deque(list(self._marks)[::2])

    def oldest(self, awaited: Collection[int]) -> float | None:
        """
        The age of the oldest request without an answer, in seconds, and up to a second more; or up
        to some more, if one before it was without an answer for more than a minute.

        @return: L{None} if all are answered.
        """
        self._forget(awaited)
        if not awaited or not self._marks:
            return None
        return self._clock.seconds() - self._marks[0][1]

    def _forget(self, awaited: Collection[int]) -> None:
        marks = self._marks
        oldest = next(iter(awaited), None)
        if oldest is None:
            return
        while len(marks) > 1 and marks[1][0] <= oldest:
            marks.popleft()
