"""
Those who wait for something that may happen many times.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_T = TypeVar("_T")


class Waiting(Generic[_T]):
    """
    The Deferreds of those who wait.  Who cancels one disturbs no other.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        # In order; a dictionary, so that one is found at once when it is cancelled.
        self._waiting: dict[Deferred[_T], None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[_T]:
        """Wait for the next time."""
        waiting: Deferred[_T] = Deferred(self._forget)
        self._waiting[waiting] = None
        return waiting

    def _forget(self, waiting: Deferred[Any]) -> None:
        self._waiting.pop(waiting, None)

    def tell(self, result: _T | Failure) -> None:
        """Tell all who wait now."""
        waiting, self._waiting = self._waiting, {}
        for each in waiting:
            # Another that was told may have cancelled it.
            if each.called:
                continue
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(result)

    def take_first(self) -> Deferred[_T] | None:
        """Take the one who has waited longest, to tell it; L{None} if nobody waits."""
        first = next(iter(self._waiting), None)
        if first is not None:
            del self._waiting[first]
        return first
