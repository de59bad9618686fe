"""
Many clients of one server: C{python -m benchmarks.sessions.clients PORT}.

They are real Perspective Broker, and do as little as they may, to take little from the machine
that the server runs on: arguments are left as they came, and the answer is always L{None}.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.spread import pb

from benchmarks.commands import run
from benchmarks.processes import allow_many_files, say
from benchmarks.sessions.realms import PASSWORD
from pbrealm._wire.lazy_jelly import accepts_lazy_jelly
from pbrealm.client import ClientFactory

reactor: Any = _reactor

AT_ONCE = 20
"""Logins under way at a time."""


class Mind(pb.Referenceable):
    """One client's."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        self.heard = 0

    @accepts_lazy_jelly
    def remoteMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        if message == "update":
            self.clients.hear(self.heard)
            self.heard += 1
        return broker.serialize(None)


class Clients:
    """
    What they can be told to do.
    """

    def __init__(self, port: int) -> None:
        self._endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port, timeout=60)
        self._minds: list[Mind] = []
        self._brokers: list[Any] = []
        self._avatars: list[Any] = []
        self._arrivals: list[tuple[int, float]] = []
        self._missing = 0
        self._complete: Deferred[None] | None = None

    def hear(self, number: int) -> None:
        """A client got its so-manyeth update."""
        self._arrivals.append((number, time.monotonic()))
        self._missing -= 1
        if not self._missing and self._complete is not None:
            self._complete.callback(None)

    async def connect(self, kind: str, first: int, count: int) -> int:
        """Log in that many, as C{kind} and a number."""
        numbers = iter(range(first, first + count))

        async def log_in_some() -> None:
            for number in numbers:
                mind = Mind(self)
                broker, avatar = await self._log_in(f"{kind}{number}", mind)
                self._minds.append(mind)
                self._brokers.append(broker)
                self._avatars.append(avatar)

        await gatherResults([Deferred.fromCoroutine(log_in_some()) for _ in range(AT_ONCE)])
        return len(self._minds)

    async def _log_in(self, name: str, mind: object) -> tuple[Any, Any]:
        factory = ClientFactory()
        broker: Any = await self._endpoint.connect(factory)
        credentials: Any = UsernamePassword(name.encode(), PASSWORD)
        return broker, await factory.login(credentials, mind)

    def mark(self) -> None:
        """Begin to count anew."""
        self._arrivals = []
        self._missing = 0
        for mind in self._minds:
            mind.heard = 0

    async def expect(self, each: int) -> int:
        """Wait until each client has had that many updates since the mark; how many in all."""
        self._missing = each * len(self._minds) - len(self._arrivals)
        if self._missing > 0:
            self._complete = Deferred()
            await self._complete.addTimeout(30, reactor, onTimeoutCancel=lambda *_: None)
            self._complete = None
        return len(self._arrivals)

    def latencies(self, begun: list[float]) -> list[float]:
        """Seconds from when each broadcast began to each arrival of it."""
        return [round(when - begun[number], 5) for number, when in self._arrivals]

    def stop_reading(self) -> None:
        """Be connected, and take nothing any more."""
        for broker in self._brokers:
            broker.transport.pauseProducing()

    async def one_by_one(self, accounts: int, seconds: float) -> tuple[int, float]:
        """Connect, log in and hang up by Twisted's own client, one after another; how often."""
        start = time.monotonic()
        logins = 0
        while time.monotonic() - start < seconds:
            factory = pb.PBClientFactory()
            broker: Any = await self._endpoint.connect(factory)
            credentials: Any = UsernamePassword(b"user%d" % (logins % accounts), PASSWORD)
            avatar = await factory.login(credentials, Mind(self))
            logins += 1
            broker.transport.loseConnection()
            del avatar
        return logins, time.monotonic() - start

    async def come_and_go(self, first: int, accounts: int, seconds: float) -> tuple[int, float]:
        """Connect, log in and hang up, over and over; how often, in how many seconds."""
        start = time.monotonic()
        logins = 0

        async def come_and_go(names: list[str]) -> None:
            nonlocal logins
            while True:
                for name in names:
                    if time.monotonic() - start > seconds:
                        return
                    broker, avatar = await self._log_in(name, Mind(self))
                    logins += 1
                    broker.transport.loseConnection()
                    del avatar

        names = [f"user{number}" for number in range(first, first + accounts)]
        turns = [come_and_go(names[at::AT_ONCE]) for at in range(AT_ONCE)]
        await gatherResults([Deferred.fromCoroutine(turn) for turn in turns])
        return logins, time.monotonic() - start


def main(port: str) -> None:
    allow_many_files()
    say("ready")
    run(Clients(int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
