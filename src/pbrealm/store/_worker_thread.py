"""
A thread that waits for the disk, so that the reactor's doesn't.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

_T = TypeVar("_T")


class WorkerThread:
    """
    Calls functions one after another, in a thread that there is from the first call until
    L{stop}.
    """

    def __init__(self, name: str, reactor: IReactorFromThreads) -> None:
        """
        @param name: what debuggers call the thread.
        @param reactor: what the results are passed to.
        """
        self._name = name
        self._reactor = reactor
        self._thread: Thread | None = None
        self._calls: SimpleQueue[tuple[Callable[[], object], Deferred[Any]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Deferred[Any], object]] = SimpleQueue()
        # How many results there have yet to be.
        self._expected = 0

    def call(self, function: Callable[..., _T], *args: object) -> Deferred[_T]:
        """
        Call a function in the thread.

        @return: fires with what it returns, in the reactor's thread.
        """
        if self._thread is None:
            # As a daemon, since it may be in the middle of its work where a program just ends.
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        called: Deferred[_T] = Deferred()
        self._expected += 1
        self._calls.put((partial(function, *args), called))
        return called

    def stop(self) -> None:
        """
        End the thread, which must have nothing left to do.
        """
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            self._thread = None

    def finish(self) -> None:
        """
        Wait for all results, and for those of the calls that they lead to, where the reactor
        doesn't run any more.
        """
        while self._expected:
            self._pass_on(*self._results.get())

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            function, called = item
            result: object
            try:
                result = function()
            except BaseException:
                result = Failure()
            self._results.put((called, result))
            self._reactor.callFromThread(self._deliver)

    def _deliver(self) -> None:
        # Nothing is left where finish has taken it.
        if not self._results.empty():
            self._pass_on(*self._results.get())

    def _pass_on(self, called: Deferred[Any], result: object) -> None:
        self._expected -= 1
        called.callback(result)
