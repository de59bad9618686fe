"""
The log of those whom the administration refuses, within a budget.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pbrealm._log_text import log_text

PERIOD: Final = 60.0
"""Seconds in which there is one line."""

_log = Logger(namespace="pbrealm.admin")


class RefusalLog:
    """
    Logs the first refusal, and no more than one in each L{PERIOD} after it, with the number of
    those left out.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._next = clock.seconds()
        self._left_out = 0

    def log(self, who: str, why: str) -> None:
        """
        Somebody was refused.

        @param why: a sentence.
        """
        if self._clock.seconds() < self._next:
            self._left_out += 1
            return
        _log.warn(
            "the administration has refused {who}, and {left_out} others before: {why}"
            if self._left_out
            else "the administration has refused {who}: {why}",
            who=log_text(who),
            why=log_text(why),
            left_out=self._left_out,
        )
        self._left_out = 0
        self._next = self._clock.seconds() + PERIOD
