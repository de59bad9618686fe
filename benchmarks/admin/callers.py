"""
Clients that call at random times: C{python -m benchmarks.admin.callers PORT} connects them, and
answers each line of C{seconds} with how long the calls of so many seconds took.
"""

from __future__ import annotations

import json
import sys
from random import expovariate
from time import perf_counter
from typing import Any

from twisted.cred.credentials import Anonymous
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from benchmarks.processes import say
from pbrealm.client import ClientFactory

CLIENTS = 50
CALLS_A_SECOND = 1000.0


class Caller:
    """A client that calls at random times, and notes how long each call took."""

    def __init__(self, reactor: Any, avatar: Any) -> None:
        self._reactor = reactor
        self._avatar = avatar
        self.took: list[float] = []
        self._call_later()

    def _call_later(self) -> None:
        self._reactor.callLater(expovariate(CALLS_A_SECOND / CLIENTS), self._call)

    def _call(self) -> None:
        self._call_later()
        begun = perf_counter()
        answer: Deferred[Any] = self._avatar.callRemote("add", 5, 3)
        answer.addCallback(lambda _: self.took.append(perf_counter() - begun))


async def connect(reactor: Any, port: int) -> list[Caller]:
    logins = []
    for _ in range(CLIENTS):
        factory = ClientFactory()
        reactor.connectTCP("127.0.0.1", port, factory)
        logins.append(factory.login(Anonymous()))
    return [Caller(reactor, avatar) for avatar in await gatherResults(logins)]


async def main(reactor: Any, port: str) -> None:
    callers = await connect(reactor, int(port))
    say("connected")
    while line := await deferToThread(sys.stdin.readline):
        for caller in callers:
            caller.took.clear()
        await deferLater(reactor, json.loads(line))
        say([seconds for caller in callers for seconds in caller.took])


if __name__ == "__main__":
    react(lambda reactor, *args: Deferred.fromCoroutine(main(reactor, *args)), sys.argv[1:])
