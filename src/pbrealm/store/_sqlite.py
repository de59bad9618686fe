"""
The store that is one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath, getpid
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from pbrealm._arguments import described
from pbrealm._clock import clock_or_reactor
from pbrealm.errors import StoreUnusable
from pbrealm.store._contents import Contents, decode_rows
from pbrealm.store._file import StoreFile
from pbrealm.store._store import Store
from pbrealm.store._stored_dict import StoredDict
from pbrealm.store._worker_thread import WorkerThread

_T = TypeVar("_T")


class SQLiteStore(Store):
    """
    A store that is a file, for one process at a time::

        store = SQLiteStore("players.db")
        realm = SharedStateRealm(Player, store.load)

    A thread of its own works with the file until L{close}.  Nothing is done with the file before
    the first call, nor before the reactor runs, so that a C{.tac} file may call any method but
    L{open_blocking}.  If nobody closes the store, it's done when the reactor stops.

    @ivar path: the file.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        state_class: Callable[..., StoredDict] = StoredDict,
        reactor: Any = None,
    ) -> None:
        """
        @param path: the file, which is made if there is none.  While the store is open, there is
            another with C{-wal} after its name.
        @param state_class: the class of the states, a subclass of L{StoredDict}.
        @param reactor: by default the global one.
        """
        path = fspath(path) if isinstance(path, PathLike) else path
        if not isinstance(path, str):
            raise TypeError(f"path must be the path of a file, not {described(path)}")
        self.path = path
        self._reactor = reactor
        self._trigger: Any = None
        self._file = SQLiteStorage(path, reactor)
        super().__init__(self._file, state_class=state_class, clock=reactor)

    def open(self) -> Deferred[None]:
        """
        Open the file now, to learn at the start whether it can be used.

        @return: fires when it is open.  If it fails, the next call tries again.
        """
        if self._trigger is None and self._closing is None:
            reactor: Any = clock_or_reactor(self._reactor)
            self._trigger = reactor.addSystemEventTrigger("during", "shutdown", self._finish)
        return super().open()

    def open_blocking(self) -> None:
        """
        Open the file, and wait until it is open: for a program that is about to start, and whose
        reactor doesn't run yet.  The process mustn't be forked afterwards.

        @raise StoreError: if the file can't be used.
        """
        results: list[Failure | None] = []
        self.open().addBoth(results.append)
        self._file.finish()
        (result,) = results
        if result is not None:
            result.raiseException()

    def close(self) -> Deferred[None]:
        """
        Save all changes so far, and close the file for good: it can't be used after this, and the
        states can't be changed.

        @return: fires when it is closed; never fails.
        """
        # If the reactor stops before that is done, the trigger waits for it.
        return super().close().addCallback(self._remove_trigger)

    def _remove_trigger(self, _: None) -> None:
        trigger, self._trigger = self._trigger, None
        if trigger is not None:
            reactor: Any = clock_or_reactor(self._reactor)
            reactor.removeSystemEventTrigger(trigger)

    def _finish(self) -> None:
        # The services have stopped, and the reactor calls nobody any more.
        self._trigger = None
        self.close()
        self._file.finish()


class SQLiteStorage:
    """
    The rows of a L{SQLiteStore}.
    """

    def __init__(self, path: str, reactor: Any) -> None:
        """
        @param path: the file.
        @param reactor: by default the global one.
        """
        self._path = path
        self._reactor = reactor
        self._thread: WorkerThread | None = None
        # Used in the thread only, and in the process that has opened it.
        self._file: StoreFile | None = None
        self._process: int | None = None

    def open(self) -> Deferred[None]:
        """Open the file."""
        return self._call(self._open)

    def read(self, name: str) -> Deferred[Contents]:
        """Read the items of a name."""
        return self._call(self._read, name)

    def write(
        self, erased: Iterable[str], rows: Mapping[str, Mapping[bytes, bytes | None]]
    ) -> Deferred[None]:
        """Make changes, all or none."""
        return self._call(self._write, erased, rows)

    def names(self) -> Deferred[list[str]]:
        """The names that have items."""
        return self._call(self._names)

    def close(self) -> Deferred[None]:
        """Close the file, and end the thread."""
        if self._thread is None:
            return succeed(None)
        return self._call(self._close).addBoth(self._stop)

    def finish(self) -> None:
        """Wait for all that was called."""
        if self._thread is not None:
            self._thread.finish()

    def _call(self, function: Callable[..., _T], *args: object) -> Deferred[_T]:
        if self._thread is None:
            reactor: Any = clock_or_reactor(self._reactor)
            self._thread = WorkerThread("pbrealm.store", reactor)
        return self._thread.call(function, *args)

    def _stop(self, result: _T) -> _T:
        if self._thread is not None:
            self._thread.stop()
        return result

    def _open(self) -> None:
        self._file = StoreFile(self._path)
        self._process = getpid()

    def _opened(self) -> StoreFile:
        """
        @raise StoreUnusable: if the file is that of another process, which has the lock on it.
        """
        assert self._file is not None
        if self._process != getpid():
            raise StoreUnusable(
                "the store was opened before this process was forked, as twistd does to become a "
                "daemon: open it when the service starts"
            )
        return self._file

    def _read(self, name: str) -> Contents:
        return decode_rows(name, self._opened().read(name))

    def _write(
        self, erased: Iterable[str], rows: Mapping[str, Mapping[bytes, bytes | None]]
    ) -> None:
        self._opened().write(erased, rows)

    def _names(self) -> list[str]:
        return self._opened().names()

    def _close(self) -> None:
        if self._file is not None and self._process == getpid():
            self._file.close()
