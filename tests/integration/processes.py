"""
Processes that tests start, read, signal and end.
"""

from __future__ import annotations

import codecs
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.integration.waiting import TIMEOUT, wait_until

ROOT = Path(__file__).resolve().parents[2]
"""The directory of the checkout, in which C{python -m tests...} finds the tests."""

ANY_PORT = "tcp:0:interface=127.0.0.1"

GRACE = 30
"""Seconds after SIGTERM at which a process that has not ended gets SIGKILL."""


T = TypeVar("T")
ProcessT = TypeVar("ProcessT", bound="Process")


class Process(ProcessProtocol):
    """
    A process and what it has written.

    @ivar out: what it has written to its standard output.
    @ivar err: what it has written to its standard error.
    @ivar output: both, in the order in which they arrived.
    @ivar status: its exit status, or the negative number of the signal that ended it; L{None}
        until it has ended and all that it has written was read.
    @ivar exited: whether it has ended.  Its children may still hold its output open.
    """

    transport: IProcessTransport

    def __init__(
        self,
        command: Sequence[object],
        directory: str | Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Mapping[int, int] | None = None,
    ) -> None:
        """
        Start the process.

        @param command: the program's path, and its arguments.
        @param directory: where it runs; by default, where the tests do.
        @param environment: variables to add to those of the tests.
        @param descriptors: open files of the tests that it gets, by the numbers that they have
            there.
        """
        self.command = [str(part) for part in command]
        self.out = self.err = self.output = ""
        self.status: int | None = None
        self.exited = False
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in (1, 2)}
        self._waiting: list[tuple[str, str, Deferred[re.Match[str]]]] = []
        self._waiting_for_end: list[Deferred[int]] = []
        reactor.spawnProcess(
            self,
            self.command[0],
            self.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            path=None if directory is None else str(directory),
            childFDs={0: "w", 1: "r", 2: "r", **(descriptors or {})},
        )

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        pid = self.transport.pid
        assert isinstance(pid, int)
        return pid

    @property
    def written(self) -> str:
        """All that it has written, for error messages; for subclasses to extend."""
        return self.output

    def wait_for(
        self, pattern: str, stream: str = "output", timeout: float = TIMEOUT
    ) -> Deferred[re.Match[str]]:
        """
        Wait until the output matches a regular expression; it may do so already.

        @param stream: where to search: C{"out"}, C{"err"} or C{"output"}.
        @param timeout: seconds to wait.
        @return: fires with the match.  Fails with the whole output if the process ends, or the
            timeout passes, without a match.
        """
        found: Deferred[re.Match[str]] = Deferred()
        self._waiting.append((pattern, stream, found))
        found.addTimeout(
            timeout, reactor, lambda _, __: self._error(f"no {pattern!r} within {timeout} s")
        )
        self._check_waiting()
        return found

    def wait(self, timeout: float = TIMEOUT) -> Deferred[int]:
        """
        Wait until the process has ended.

        @param timeout: seconds to wait.
        @return: fires with its L{status}; fails with the whole output if the timeout passes.
        """
        ended: Deferred[int] = Deferred()
        ended.addTimeout(timeout, reactor, lambda _, __: self._error(f"no end within {timeout} s"))
        if self.status is None:
            self._waiting_for_end.append(ended)
        else:
            ended.callback(self.status)
        return ended

    async def wait_until(
        self,
        read: Callable[[], object],
        accept: Callable[[Any], bool],
        expected: str,
        timeout: float = TIMEOUT,
    ) -> Any:
        """
        Wait for what the process has to bring about, as the function L{wait_until} does.

        @raise AssertionError: if the process ends, or the timeout passes, without an accepted
            value; the message has the whole output.
        """

        async def read_while_running() -> Any:
            # What the process has brought about before its end counts, so this is asked first.
            exited = self.exited
            value: Any = await maybeDeferred(read)
            if exited and not accept(value):
                raise AssertionError(f"the process has ended: {value!r}; expected {expected}")
            return value

        try:
            return await wait_until(read_while_running, accept, expected, timeout)
        except AssertionError as why:
            raise self.error(str(why)) from None

    async def wait_until_fired(
        self, fired: Deferred[T], expected: str, timeout: float = TIMEOUT
    ) -> T:
        """
        Wait for a Deferred that fires for something the process does, as L{wait_until} does.

        @return: its result.
        """
        await self.wait_until(lambda: fired.called, bool, expected, timeout)
        # A failure that a peer has sent can't be raised by a Deferred that has fired already.
        return await deferLater(reactor, 0).addCallback(lambda _: fired)

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        self.transport.writeToChild(0, data)

    def signal(self, name: str) -> None:
        """Send a signal, such as C{"TERM"}, unless the process has ended."""
        try:
            self.transport.signalProcess(getattr(signal, f"SIG{name}"))
        except ProcessExitedAlready:
            pass

    async def stop(self, grace: float = GRACE) -> int:
        """
        End the process: by SIGTERM, and by SIGKILL if that is not enough.  Safe to repeat.

        @param grace: seconds between the two signals.
        @return: its L{status}.
        """
        self.signal("TERM")
        # One that SIGSTOP has stopped gets SIGTERM when it goes on.
        self.signal("CONT")
        forced = reactor.callLater(grace, self.signal, "KILL")
        try:
            return await self.wait(grace + TIMEOUT)
        finally:
            if forced.active():
                forced.cancel()

    # What Twisted calls

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        text = self._decoders[childFD].decode(data)
        self.output += text
        if childFD == 1:
            self.out += text
        else:
            self.err += text
        self._check_waiting()

    def processExited(self, reason: Failure) -> None:
        self.exited = True

    def processEnded(self, reason: Failure) -> None:
        exit = reason.value
        assert isinstance(exit, ProcessDone | ProcessTerminated)
        self.status = exit.exitCode if exit.signal is None else -exit.signal
        self._check_waiting()
        waiting, self._waiting_for_end = self._waiting_for_end, []
        for ended in waiting:
            if not ended.called:
                ended.callback(self.status)

    def _check_waiting(self) -> None:
        for entry in self._waiting[:]:
            pattern, stream, found = entry
            match = re.search(pattern, getattr(self, stream))
            if found.called:
                self._waiting.remove(entry)
            elif match:
                self._waiting.remove(entry)
                found.callback(match)
            elif self.status is not None:
                self._waiting.remove(entry)
                found.errback(self._error(f"ended with {self.status} and without {pattern!r}"))

    def error(self, what: str) -> AssertionError:
        """That something has gone wrong with the process, with all that it has written."""
        return AssertionError(f"{' '.join(self.command)}: {what}:\n{self.written}")

    def _error(self, what: str) -> Failure:
        return Failure(self.error(what))


class ProcessTestCase(TestCase):
    """
    A test that starts processes and leaves none behind.
    """

    # Every wait of these tests has a shorter timeout, and a message that says more.
    timeout = 600

    def stop_after_test(self, process: ProcessT) -> ProcessT:
        """Register a process to be stopped when the test is over."""
        self.addCleanup(process.stop)
        return process
