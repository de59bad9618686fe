"""
The limit on notifications that a client hasn't answered.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.backlog import Backlog

_MAX_AT_ONCE = 20
"""How many times the limit may be without their answer before any of them is due."""


class Unanswered:
    """
    What a client owes while as many notifications are without their answer as may be, or more.

    If many notifications are sent in one go, the client can't have answered any yet.  So the limit
    holds once one has been without its answer for C{soft_seconds}.
    """

    __slots__ = ("_backlog", "_clock", "_due", "_last")

    def __init__(self, backlog: Backlog, clock: IReactorTime) -> None:
        self._backlog = backlog
        self._clock = clock
        # The id of a request, and when its answer is due and all those before.
        self._last = -1
        self._due = 0.0

    def may_become_more(self, waiting: dict[int, Any]) -> bool:
        """
        Whether one more may be without its answer.

        @param waiting: what waits for answers, by request ids in the order of the requests.
        """
        if len(waiting) >= self._backlog.unanswered * _MAX_AT_ONCE:
            return False
        now = self._clock.seconds()
        if now >= self._due and next(iter(waiting)) > self._last:
            # All that was without its answer at that time has got it.
            self._last, self._due = next(reversed(waiting)), now + self._backlog.soft_seconds
        return now < self._due
