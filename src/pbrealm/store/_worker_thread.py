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

_Call = tuple[Callable[[], object], Deferred[Any]]


class WorkerThread:
    """
    Calls functions one after another, in a thread that there is until L{stop}.

    The thread starts when the reactor runs.  Until then the process may still be forked, as
    C{twistd} does to become a daemon, and threads stay behind then.
    """

    def __init__(self, name: str, reactor: IReactorFromThreads) -> None:
        """
        @param name: what debuggers call the thread.
        @param reactor: what the results are passed to.
        """
        self._name = name
        self._reactor = reactor
        self._thread: Thread | None = None
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Deferred[Any], object]] = SimpleQueue()
        # How many results there have yet to be.
        self._expected = 0

    def call(self, function: Callable[..., _T], *args: object) -> Deferred[_T]:
        """
        Call a function in the thread.

        @return: fires with what it returns, in the reactor's thread.
        """
        called: Deferred[_T] = Deferred()
        self._expected += 1
        self._calls.put((partial(function, *args), called))
        if self._thread is None:
            self._reactor.callFromThread(self._start)
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
        doesn't run yet, or not any more.
        """
        while self._expected:
            if self._thread is None and (call := self._calls.get()) is not None:
                self._work(call)
            self._pass_on(*self._results.get())

    def _start(self) -> None:
        # Nothing is left where finish has done it.
        if self._thread is None and self._expected:
            # As a daemon, since it may be in the middle of its work where a program just ends.
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            self._work(call)
            self._reactor.callFromThread(self._deliver)

    def _work(self, call: _Call) -> None:
        function, called = call
        result: object
        try:
            result = function()
        except BaseException:
            result = Failure()
        self._results.put((called, result))

    def _deliver(self) -> None:
        # Nothing is left where finish has taken it.
        if not self._results.empty():
            self._pass_on(*self._results.get())

    def _pass_on(self, called: Deferred[Any], result: object) -> None:
        self._expected -= 1
        called.callback(result)
