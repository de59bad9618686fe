"""
A result that many wait for.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

_T = TypeVar("_T")

_PENDING: Final[Any] = object()


class Outcome(Generic[_T]):
    """
    The result of something that happens once.
    """

    __slots__ = ("_result", "_waiting")

    def __init__(self) -> None:
        self._result: _T | Failure = _PENDING
        self._waiting: list[Deferred[_T]] = []

    @property
    def succeeded(self) -> bool:
        """Whether there is a result that isn't a failure."""
        return self._result is not _PENDING and not isinstance(self._result, Failure)

    @property
    def failed(self) -> bool:
        """Whether there is a result that is a failure."""
        return isinstance(self._result, Failure)

    def wait(self) -> Deferred[_T]:
        """
        Wait for the result.  Who cancels the wait doesn't disturb the others.
        """
        if isinstance(self._result, Failure):
            return fail(self._result)
        if self._result is not _PENDING:
            return succeed(self._result)
        waiting: Deferred[_T] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def set(self, result: _T | Failure) -> None:
        """
        Tell all who wait, and who will.
        """
        self._result = result
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(result)
