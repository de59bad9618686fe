"""
Group commit: changes that are made while the disk is busy are saved together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._clock import clock_or_reactor
from pbrealm._unsaved import STORES, UNSAVED, Unsaved
from pbrealm.errors import SaveFailed, StoreClosed
from pbrealm.store._contents import Saved
from pbrealm.store._outcome import Outcome

_log = Logger()


class ChangedState(Protocol):
    """A state, which is changed in memory before the change is saved."""

    def tell(self, rows: Mapping[bytes, bytes | None]) -> None:
        """
        Tell the observers of changes that are saved now.

        @param rows: the encoded values by their encoded keys; L{None} for a key that was removed.
        """

    def restore(self, saved: Mapping[bytes, Saved | None]) -> None:
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
        self.changed: dict[str, tuple[ChangedState, dict[bytes, Saved | None]]] = {}
        self._outcome: Outcome[None] = Outcome()

    def holds(self, name: str) -> bool:
        """Whether it has changes of a name."""
        return name in self.rows or name in self.erased

    def changes(
        self, name: str, state: ChangedState
    ) -> tuple[dict[bytes, bytes | None], dict[bytes, Saved | None]]:
        """
        The C{rows} of a name, and what is on the disk for them, to add changes of a state to.
        """
        changed = self.changed.get(name)
        if changed is None:
            changed = self.changed[name] = state, {}
            self.rows[name] = {}
        return self.rows[name], changed[1]

    @property
    def is_saved(self) -> bool:
        """Whether the changes are on the disk."""
        return self._outcome.succeeded

    @property
    def is_undone(self) -> bool:
        """Whether the changes were undone."""
        return self._outcome.failed

    def saved(self) -> Deferred[None]:
        """
        Wait until the changes are on the disk.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """
        return self._outcome.wait()

    def told(self) -> Deferred[None]:
        """
        Wait as L{saved} does, for a call that then knows itself what became of the changes, so
        that its answer need not wait for them.
        """
        saved = self.saved()
        call = UNSAVED.get()
        return saved if call is None else call.counted(saved).addBoth(self._told, call)

    def _told(self, result: Failure | None, call: Unsaved) -> Failure | None:
        # Who has stopped waiting doesn't know it.
        if self.is_saved or self.is_undone:
            call.discard(self)
        return result

    def end(self, result: Failure | None) -> None:
        """
        The changes are on the disk, or have been undone in memory.

        @param result: why they were undone.
        """
        changed, self.changed = self.changed, {}
        if result is None:
            for name, (state, _) in changed.items():
                try:
                    state.tell(self.rows[name])
                except BaseException:
                    _log.failure("observers of a state can't be told what was changed")
        # A state may still refer to this.
        self.rows = {}
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
        STORES.used = True
        self._write = write
        self._clock = clock
        self._writing: Commit | None = None
        self._collecting: Commit | None = None
        self._closed = False
        # Commits that have ended, and whoever waits hasn't been told; with why they were undone.
        self._ends: deque[tuple[list[Commit], Failure | None]] = deque()

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
        call = UNSAVED.get()
        if call is not None:
            call.add(commit)
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

    def saved(self, name: str) -> dict[bytes, Saved | None]:
        """
        What is on the disk for each encoded key of a name whose change isn't saved yet; L{None}
        where there is nothing.
        """
        saved: dict[bytes, Saved | None] = {}
        # What the older one replaces is on the disk.
        for commit in (self._collecting, self._writing):
            if commit is not None and name in commit.changed:
                saved.update(commit.changed[name][1])
        return saved

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
        self._ends.append(([commit], None))
        # The disk gets to work before those who waited do.
        self._write_next()
        self._tell_ends()

    def _not_written(self, why: Failure) -> None:
        if not why.check(SaveFailed):
            _log.failure("a storage failed", why)
            why = Failure(SaveFailed("the changes could not be saved, and were undone"))
        # What was changed since rests on what wasn't saved.
        undone = [c for c in (self._collecting, self._writing) if c is not None]
        self._collecting = self._writing = None
        changed: dict[str, tuple[ChangedState, dict[bytes, Saved | None]]] = {}
        for commit in undone:
            # The older ones come last, and know what is on the disk.
            for name, (state, saved) in commit.changed.items():
                changed.setdefault(name, (state, {}))[1].update(saved)
        names = sorted({name for commit in undone for name in (*commit.rows, *commit.erased)})
        _log.error("{why}: {names}", why=why.getErrorMessage(), names=_listed(names))
        # All is undone before anybody is told of any of it.
        for state, saved in changed.values():
            state.restore(saved)
        self._ends.append((undone[::-1], why))
        self._tell_ends()

    def _tell_ends(self) -> None:
        # Whoever is told now is told of what is saved.  With some reactors this runs in the
        # context of the call that has begun the commit.
        token = UNSAVED.set(None)
        try:
            # In order, also where the next write is done at once.
            while self._ends:
                commits, result = self._ends.popleft()
                for commit in commits:
                    commit.end(result)
        finally:
            UNSAVED.reset(token)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
