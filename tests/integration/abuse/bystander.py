"""
A well-behaved client of a server under attack.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.integration.plain_client import Mind, PlainClient

SERVED_WITHIN = 30
"""Seconds after which a call or login counts as not served."""


class Bystander:
    """
    A client at the attackers' address.  It makes one call after another, and from time to time
    logs in a second user over another connection.

    @ivar calls: how many calls were answered.
    @ivar logins: how many logins succeeded.
    @ivar longest: the longest time that a call, a login or a connection took, in seconds.
    """

    def __init__(self, port: int, second_user: bool) -> None:
        """
        @param port: the server's port.
        @param second_user: whether to log in the second user repeatedly.
        """
        self.calls = self.logins = 0
        self.longest = 0.0
        self._port = port
        self._second_user = second_user
        self._stopping = False

    async def log_in(self) -> None:
        """Log in both users once; the second logs out again."""
        self.client = await PlainClient.connect(self._port)
        self._perspective = await self.client.login("alice", mind=Mind("fine"))
        await self._log_in_second_user()

    def start(self) -> None:
        """Start to call."""
        self._done = Deferred.fromCoroutine(self._call_repeatedly())

    async def stop(self) -> None:
        """Stop calling; fails with what has failed before."""
        self._stopping = True
        await self._done

    async def count_calls(self) -> int:
        """How many calls were answered; fails if one was not."""
        if self._done.called:
            await self._done
        return self.calls

    async def _call_repeatedly(self) -> None:
        while not self._stopping:
            await self._timed(self._perspective.callRemote("greet"))
            self.calls += 1
            if self._second_user and self.calls % 20 == 0:
                await self._log_in_second_user()
            # Leave most of the server's time to the attackers.
            await deferLater(reactor, 0.002)

    async def _log_in_second_user(self) -> None:
        client = await self._timed(Deferred.fromCoroutine(PlainClient.connect(self._port)))
        perspective = await self._timed(client.login("bob"))
        greeting = await self._timed(perspective.callRemote("greet"))
        if greeting != "hello bob":
            raise AssertionError(f"bob got the answer {greeting!r}")
        self.logins += 1
        await client.disconnect()

    async def _timed(self, awaited: Deferred[Any]) -> Any:
        began = reactor.seconds()
        result = await awaited.addTimeout(SERVED_WITHIN, reactor)
        self.longest = max(self.longest, reactor.seconds() - began)
        return result
