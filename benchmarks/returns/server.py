"""
A server whose clients may come back: C{python -m benchmarks.returns.server [PORT]}.

It says its port, and does what it's told by lines of C{[command, ...]}.
"""

from __future__ import annotations

import gc
import sys
from socket import SHUT_RDWR
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.spread import pb

from benchmarks.commands import run
from benchmarks.processes import allow_many_files, resident, say
from benchmarks.sessions.realms import PASSWORD
from pbrealm import CachingRealm, Limits, MindTrackingRealm, ServerFactory
from pbrealm.testing import make_portal

reactor: Any = _reactor

ACCOUNTS = 10_000

TICK = 0.005
"""Seconds from one look at the clock to the next."""


class Player(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.name = name

    def perspective_add(self, a: int, b: int) -> int:
        return a + b


class Server:
    """
    What it can be told to do.
    """

    def __init__(self, factory: Any, realm: MindTrackingRealm) -> None:
        self._factory = factory
        self._realm = realm
        self._pause = 0.0
        self._last = reactor.seconds()
        self._tick()

    def _tick(self) -> None:
        now = reactor.seconds()
        self._pause = max(self._pause, now - self._last - TICK)
        self._last = now
        reactor.callLater(TICK, self._tick)

    def longest_pause(self) -> float:
        """The most seconds that the reactor was late since it was asked last."""
        pause, self._pause = self._pause, 0.0
        return pause

    def memory(self) -> int:
        """Bytes, once all garbage is gone."""
        gc.collect()
        return resident()

    def sessions(self) -> int:
        """How many clients are logged in, those that are away included."""
        return len(self._realm.sessions())

    def cut(self) -> int:
        """
        Have both ends of all connections lose them.

        @return: how many.
        """
        connections = list(self._factory._server_state().connections)
        for connection in connections:
            # To abort the transport would end the session as well.
            connection.transport.getHandle().shutdown(SHUT_RDWR)
        return len(connections)


def main(port: str = "0") -> None:
    allow_many_files()
    realm = MindTrackingRealm(CachingRealm(Player))
    passwords = {f"user{number}": PASSWORD.decode() for number in range(ACCOUNTS)}
    # All clients are at one address, which may log in as fast as they can.
    limits = Limits(connections_per_address=100 * Limits.connections)
    factory = ServerFactory(make_portal(realm, passwords), limits)
    listening = reactor.listenTCP(int(port), factory, backlog=4096, interface="127.0.0.1")
    say(listening.getHost().port)
    run(Server(factory, realm))


if __name__ == "__main__":
    main(*sys.argv[1:])
