"""
A client that comes back to its session, and makes one call after another: C{python -m
tests.integration.resumption.client ENDPOINT [PARAMETER=NUMBER ...]}, with parameters of
L{LoginService}.

It prints what the service tells its observer.  After a line of input it makes no more calls, waits
for those that are under way, and prints one line of JSON, a L{Report}.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import ILoginObserver
from pbrealm.client import LoginService
from pbrealm.errors import CallLost

INTERVAL = 0.005
"""Seconds from one call to the next."""

IN_FLIGHT = 50
"""Calls that are under way at most."""


@dataclass
class Report:
    """
    What became of the calls, by their numbers, which begin with 0.

    @ivar made: how many there were.
    @ivar answered: those that were answered, in the order of their answers.
    @ivar told: those that the server has notified the client of, in that order.
    @ivar run: those that were lost, but run.
    @ivar not_run: those that were lost, and not run.
    @ivar unknown: those that were lost, and of which nobody knows.
    @ivar gap: the most seconds between one answer and the next.
    """

    made: int = 0
    answered: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    run: list[int] = field(default_factory=list)
    not_run: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    gap: float = 0


def padding_of(number: int) -> bytes:
    """What is sent with a call: messages of one byte to several packets."""
    return b"x" * (number * 37 % 11 * 300)


class Mind(pb.Referenceable):
    def __init__(self, report: Report) -> None:
        self._report = report

    def remote_told(self, number: int, padding: bytes) -> None:
        assert padding == padding_of(number)
        self._report.told.append(number)


@implementer(ILoginObserver)
class Printer:
    """
    Prints what it is told.
    """

    def logged_in(self, perspective: Any) -> None:
        print("logged in", flush=True)

    def lost(self, why: Any) -> None:
        print(f"lost: {why}", flush=True)

    def resumed(self) -> None:
        print("resumed", flush=True)

    def coming_back(self, seconds: float, why: Any) -> None:
        print(f"coming back in {seconds:.2f} s: {why}", flush=True)

    def stopped(self, why: Any) -> None:
        print(f"stopped: {why}", flush=True)


class Calls(LineOnlyReceiver):
    """
    Makes the calls, until a line comes.
    """

    delimiter = b"\n"

    def __init__(self, service: LoginService, report: Report, reactor: Any) -> None:
        self._service = service
        self._report = report
        self._reactor = reactor
        self._in_flight = 0
        self._last = reactor.seconds()
        self._making = LoopingCall(self._make)
        self._made: Deferred[Any] = self._making.start(INTERVAL)
        self._settled: Deferred[None] = Deferred()

    async def settled(self) -> None:
        """Wait until no more calls are made, and none is under way."""
        await self._made
        if self._in_flight:
            await self._settled

    def lineReceived(self, line: bytes) -> None:
        self._making.stop()

    def _make(self) -> None:
        if self._in_flight == IN_FLIGHT:
            return
        number = self._report.made
        self._report.made += 1
        self._in_flight += 1
        called = self._service.call("run", number, padding_of(number), pbwait=None)
        called.addCallbacks(self._answered, self._failed, (number,), errbackArgs=(number,))
        called.addBoth(self._over)

    def _answered(self, answer: Any, number: int) -> None:
        assert answer == (number, padding_of(number))
        now = self._reactor.seconds()
        self._report.gap = max(self._report.gap, now - self._last)
        self._last = now
        self._report.answered.append(number)

    def _failed(self, why: Failure, number: int) -> None:
        lost, report = why.value, self._report
        if not isinstance(lost, CallLost):
            raise AssertionError(f"the call failed otherwise: {lost!r}")
        known = {True: report.run, False: report.not_run, None: report.unknown}
        known[lost.run].append(number)

    def _over(self, result: Any) -> Any:
        self._in_flight -= 1
        if not self._in_flight and not self._making.running:
            self._settled.callback(None)
        return result


async def main(reactor: Any, endpoint: str, *parameters: str) -> None:
    how: dict[str, Any] = {}
    for parameter in parameters:
        name, _, number = parameter.partition("=")
        how[name] = float(number)
    report = Report()
    credentials: Any = UsernamePassword(b"alice", b"secret")
    service = LoginService(
        endpoint, credentials, Mind(report), observer=Printer(), resume=True, **how
    )
    service.startService()
    await service.when_logged_in()
    calls = Calls(service, report, reactor)
    StandardIO(calls)
    await calls.settled()
    await service.stopService()
    # StandardIO has changed that.
    os.set_blocking(sys.stdout.fileno(), True)
    print(json.dumps(asdict(report)), flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
