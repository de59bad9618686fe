"""
Group commit: changes that are made while the disk is busy are saved together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._clock import clock_or_reactor
from pbrealm.errors import SaveFailed, StoreClosed
from pbrealm.store._contents import Saved
from pbrealm.store._outcome import Outcome

_log = Logger()

Tell = Callable[[], object]
"""Tells the observers of a state what has been undone."""


class Undoable(Protocol):
    """A state in memory, which is changed before the change is saved."""

    def restore(self, saved: Mapping[bytes, Saved | None]) -> Tell:
        """
        Undo changes in memory.

        @param saved: what is on the disk for each encoded key that was changed; L{None} where
            there is nothing.
        """


class Commit:
    """
    Changes that are saved together, or not at all.

    @ivar erased: names whose items are removed, before the C{rows} are changed.
    @ivar rows: for each name, the new encoded values by their encoded keys; L{None} for a key that
        is removed.
    @ivar changed: for each name that was changed in memory, the state, which lives as long as
        this, and what is on the disk for the keys that were changed.
    """

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.rows: dict[str, dict[bytes, bytes | None]] = {}
        self.changed: dict[str, tuple[Undoable, dict[bytes, Saved | None]]] = {}
        self._outcome: Outcome[None] = Outcome()

    def holds(self, name: str) -> bool:
        """Whether it has changes of a name."""
        return name in self.rows or name in self.erased

    @property
    def is_saved(self) -> bool:
        """Whether the changes are on the disk."""
        return self._outcome.succeeded

    def saved(self) -> Deferred[None]:
        """
        Wait until the changes are on the disk.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """
        return self._outcome.wait()

    def end(self, result: Failure | None) -> None:
        """
        The changes are on the disk, or have been undone in memory.

        @param result: why they were undone.
        """
        self.changed.clear()
        self._outcome.set(result)


class CommitQueue:
    """
    The commit that is being written, and the one that collects changes meanwhile.

    A commit isn't written before the reactor's next turn, so changes that are made without waiting
    in between are in the same one.
    """

    def __init__(
        self, write: Callable[[Commit], Deferred[None]], clock: IReactorTime | None
    ) -> None:
        """
        @param write: saves a commit.  It is called again when what it returned has fired.
        """
        self._write = write
        self._clock = clock
        self._writing: Commit | None = None
        self._collecting: Commit | None = None
        self._closed = False

    def collecting(self) -> Commit:
        """
        The commit for a change that is about to be made.

        @raise StoreClosed: after L{close}.
        """
        if self._closed:
            raise StoreClosed("the store is closed")
        commit = self._collecting
        if commit is None:
            commit = self._collecting = Commit()
            if self._writing is None:
                clock_or_reactor(self._clock).callLater(0, self._begin)
        changes = _changes.get()
        if changes is not None:
            changes.add(commit)
        return commit

    def last(self, name: str | None = None) -> Commit | None:
        """
        The last commit that isn't saved yet and has changes of a name, or of any; L{None} if all
        are saved.
        """
        for commit in (self._collecting, self._writing):
            if commit is not None and (name is None or commit.holds(name)):
                return commit
        return None

    def close(self) -> Deferred[None]:
        """
        Refuse further changes.

        @return: fires once those so far are saved or undone; never fails.
        """
        self._closed = True
        commit = self.last()
        if self._writing is None:
            # Not in the reactor's next turn, as there may be none.
            self._write_next()
        return succeed(None) if commit is None else commit.saved().addErrback(lambda _: None)

    def _begin(self) -> None:
        # Unless close has begun already.
        if self._writing is None:
            self._write_next()

    def _write_next(self) -> None:
        commit, self._collecting = self._collecting, None
        self._writing = commit
        if commit is not None:
            maybeDeferred(self._write, commit).addCallbacks(self._written, self._not_written)

    def _written(self, _: object) -> None:
        commit = self._writing
        assert commit is not None
        # The disk gets to work before those who waited do.
        self._write_next()
        commit.end(None)

    def _not_written(self, why: Failure) -> None:
        if not why.check(SaveFailed):
            _log.failure("a storage failed", why)
            why = Failure(SaveFailed("the changes could not be saved, and were undone"))
        # What was changed since rests on what wasn't saved.
        undone = [c for c in (self._collecting, self._writing) if c is not None]
        self._collecting = self._writing = None
        changed: dict[str, tuple[Undoable, dict[bytes, Saved | None]]] = {}
        for commit in undone:
            # The older ones come last, and know what is on the disk.
            for name, (state, saved) in commit.changed.items():
                changed.setdefault(name, (state, {}))[1].update(saved)
        names = sorted({name for commit in undone for name in (*commit.rows, *commit.erased)})
        _log.error("{why}: {names}", why=why.getErrorMessage(), names=_listed(names))
        # All is undone before anybody is told of any of it.
        tells = [state.restore(saved) for state, saved in changed.values()]
        for tell in tells:
            try:
                tell()
            except BaseException:
                _log.failure("observers of a state can't be told what was undone")
        for commit in reversed(undone):
            commit.end(why)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


class Changes:
    """
    The changes that a call makes to states, also later, in coroutines that it has started.
    """

    def __init__(self) -> None:
        self._commits: set[Commit] = set()

    def add(self, commit: Commit) -> None:
        """A change will be saved in this commit."""
        if commit not in self._commits:
            # A coroutine may go on for ever.
            self._commits = {each for each in self._commits if not each.is_saved}
            self._commits.add(commit)

    def saved(self) -> Deferred[None] | None:
        """
        Wait until all changes so far are on the disk.

        @return: L{None} if there were none, or all are.  Fails with
            L{SaveFailed<pbrealm.errors.SaveFailed>} if any was undone.
        """
        unsaved = [commit for commit in self._commits if not commit.is_saved]
        return Deferred.fromCoroutine(_wait_for(unsaved)) if unsaved else None


async def _wait_for(commits: list[Commit]) -> None:
    for commit in commits:
        await commit.saved()


_changes: ContextVar[Changes | None] = ContextVar("pbrealm.changes", default=None)


@contextmanager
def collect_changes() -> Iterator[Changes]:
    """
    Collect the changes of what runs within, and of the coroutines that it starts.
    """
    changes = Changes()
    token = _changes.set(changes)
    try:
        yield changes
    finally:
        _changes.reset(token)
