"""
Waiting for what goes on when the client of a request has gone.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")


def share(work: Deferred[_T]) -> Deferred[_T]:
    """
    Wait for work that others wait for as well.

    @return: fires as it does.  Who cancels it waits no longer, and nothing changes for others.
    """
    waiting: Deferred[_T] = Deferred()

    def done(result: _T) -> _T:
        waiting.callback(result)
        return result

    work.addBoth(done)
    return waiting


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
