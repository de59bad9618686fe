"""
A client that calls its avatar: C{python -m benchmarks.store.client PORT}.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred

from benchmarks.codec.twisted_peers import drive
from benchmarks.commands import run
from benchmarks.sessions.realms import PASSWORD
from pbrealm.client import ClientFactory

reactor: Any = _reactor


class Client:
    """
    What it can be told to do.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._avatar: Any = None

    async def log_in(self) -> None:
        """Log in."""
        factory = ClientFactory()
        reactor.connectTCP("127.0.0.1", self._port, factory)
        credentials: Any = UsernamePassword(b"user0", PASSWORD)
        self._avatar = await factory.login(credentials)

    def call(self, method: str, in_flight: int, seconds: float) -> Deferred[tuple[int, float]]:
        """
        Keep that many calls in flight for so long.

        @return: how many were answered, and in how many seconds.
        """
        return drive(self._avatar.callRemote, method, (), in_flight, seconds)


if __name__ == "__main__":
    run(Client(int(sys.argv[1])))
