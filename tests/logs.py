"""
Observing the log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import formatEventAsClassicLogText, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase


def observe_log(test: SynchronousTestCase, observer: Callable[[dict[str, Any]], object]) -> None:
    """
    Have an observer called with each event that is logged until the test ends.
    """
    publisher: Any = globalLogPublisher
    publisher.addObserver(observer)
    test.addCleanup(publisher.removeObserver, observer)


def log_entries(test: SynchronousTestCase) -> list[str]:
    """
    Collect what a log file would contain, an entry for each event, until the test ends.
    """
    entries: list[str] = []
    observe_log(test, lambda event: entries.append(formatEventAsClassicLogText(event) or ""))
    return entries
