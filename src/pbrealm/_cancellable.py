"""
Waiting for what may not fire when it is cancelled.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

_log = Logger()


def cancellable(awaited: Deferred[Any]) -> Deferred[Any]:
    """
    Wait for a Deferred of a program, which may not let itself be cancelled.

    @return: fires with its result.  When this is cancelled, so is the other, and this fails in any
        case.
    """

    def cancel(_: object) -> None:
        try:
            awaited.cancel()
        except BaseException:
            _log.failure("a Deferred can't be cancelled")

    waiter: Deferred[Any] = Deferred(cancel)
    awaited.addBoth(lambda result: None if waiter.called else waiter.callback(result))
    return waiter
