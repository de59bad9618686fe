"""
What a call has changed or read that isn't saved yet, and that whatever it tells waits for.

A crash can't take back what a client was told, if it is told only once this is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Final, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Commit(Protocol):
    """
    Changes that are saved together, or not at all.
    """

    @property
    def is_saved(self) -> bool:
        """Whether the changes are saved."""

    def saved(self) -> Deferred[None]:
        """
        Wait until the changes are saved.

        @return: fires then, and fails if they were undone.
        """


class Unsaved(list[Commit]):
    """
    What will save the changes that a call has made, or has read.

    It's that of the coroutines that the call has started, too.  It's a list since that is made
    for each call, and nearly always left empty.
    """

    __slots__ = ()

    def add(self, commit: Commit) -> None:
        """The call has made a change that this commit will save, or has read one."""
        # It's nearly always the same one, many times in a row.
        if commit not in self:
            if self:
                # A coroutine may go on for ever.
                self.is_pending()
            self.append(commit)

    def discard(self, commit: Commit) -> None:
        """The call has been told itself what became of this commit."""
        if commit in self:
            self.remove(commit)

    def is_pending(self) -> bool:
        """Whether any of it isn't saved."""
        self[:] = [commit for commit in self if not commit.is_saved]
        return bool(self)

    def saved(self) -> Deferred[None]:
        """
        Wait until all of it is saved.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if any of it was
            undone.
        """
        if len(self) == 1:
            return self[0].saved()
        return Deferred.fromCoroutine(_all_saved(tuple(self)))


async def _all_saved(commits: Iterable[Commit]) -> None:
    for commit in commits:
        if not commit.is_saved:
            await commit.saved()


class _Stores:
    """
    Whether there was a store in this process.  Until then no call has anything to wait for, and
    none pays for being tracked.
    """

    used = False


STORES: Final = _Stores()

UNSAVED: Final[ContextVar[Unsaved | None]] = ContextVar("pbrealm.unsaved", default=None)
"""Of the call that is being served."""


def tracking_unsaved(function: Callable[_P, _T], /, *args: _P.args, **kw: _P.kwargs) -> _T:
    """
    Call a function that isn't a client's call, but whose notifications wait as those of one do.
    """
    token = UNSAVED.set(Unsaved())
    try:
        return function(*args, **kw)
    finally:
        UNSAVED.reset(token)
