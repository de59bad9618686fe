"""
Waiting for what goes on when the client of a request has gone.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")


def wait_for(work: Deferred[_T] | Coroutine[Any, Any, _T]) -> Deferred[_T]:
    """
    Wait for work.

    @return: fires with its result.  Who cancels it waits no longer, and the work goes on.
    """
    if not isinstance(work, Deferred):
        work = Deferred.fromCoroutine(work)
    waiting: Deferred[_T] = Deferred()
    work.addBoth(waiting.callback)
    return waiting
