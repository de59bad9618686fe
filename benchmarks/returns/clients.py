"""
Many clients that stay logged in: C{python -m benchmarks.returns.clients PORT}.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, gatherResults
from zope.interface import implementer

from benchmarks.codec.twisted_peers import drive
from benchmarks.commands import run
from benchmarks.processes import allow_many_files, say
from benchmarks.sessions.realms import PASSWORD
from pbrealm import ILoginObserver
from pbrealm.client import LoginService

AT_ONCE = 20
"""Logins under way at a time."""


@implementer(ILoginObserver)
class Observer:
    """
    Notes when a client is logged in, or back.

    @ivar at: when that was the last time; L{None} while it is away.
    @ivar logins: how often it has logged in.
    """

    def __init__(self) -> None:
        self.at: float | None = None
        self.logins = 0
        self._back: Deferred[None] | None = None

    def back(self) -> Deferred[None]:
        """Wait until the client is back."""
        waiting = self._back = Deferred()
        if self.at is not None:
            waiting.callback(None)
        return waiting

    def logged_in(self, perspective: Any) -> None:
        self.logins += 1
        self.resumed()

    def resumed(self) -> None:
        self.at = time.monotonic()
        if self._back is not None and not self._back.called:
            self._back.callback(None)

    def lost(self, why: Any) -> None:
        self.at = None

    def coming_back(self, seconds: float, why: Any) -> None:
        self.at = None

    def stopped(self, why: Any) -> None:
        raise RuntimeError(f"a client has stopped: {why}")


class Clients:
    """
    What they can be told to do.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._services: list[LoginService] = []
        self._observers: list[Observer] = []

    async def connect(self, first: int, count: int, resume: bool) -> int:
        """Log in that many, as C{user} and a number."""
        numbers = iter(range(first, first + count))

        async def log_in_some() -> None:
            for number in numbers:
                credentials: Any = UsernamePassword(f"user{number}".encode(), PASSWORD)
                observer = Observer()
                where = f"tcp:127.0.0.1:{self._port}"
                service = LoginService(where, credentials, observer=observer, resume=resume)
                service.startService()
                await service.when_logged_in()
                self._services.append(service)
                self._observers.append(observer)

        await gatherResults([Deferred.fromCoroutine(log_in_some()) for _ in range(AT_ONCE)])
        return len(self._services)

    def call(self, in_flight: int, seconds: float) -> Deferred[tuple[int, float]]:
        """
        Keep that many calls of the first client in flight for so long.

        @return: how many were answered, and in how many seconds.
        """
        return drive(self._services[0].call, "add", (5, 3), in_flight, seconds)

    def logins(self) -> int:
        """How often they have logged in, all together."""
        return sum(observer.logins for observer in self._observers)

    async def back(self, since: float) -> list[float]:
        """
        Wait until all are back that have lost their connection since then.

        @param since: on the system's monotonic clock.
        @return: the seconds that each has taken.
        """
        observers = self._observers
        for observer in observers:
            if observer.at is not None and observer.at < since:
                # It hasn't noticed the loss yet.
                observer.at = None
        await gatherResults([observer.back() for observer in observers])
        return sorted(observer.at - since for observer in observers if observer.at is not None)


def main(port: str) -> None:
    allow_many_files()
    say("ready")
    run(Clients(int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
