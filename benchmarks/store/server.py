"""
A server whose states are in a store, or only in memory: C{python -m benchmarks.store.server
[FILE]}.

It says its port, and does what it's told by lines of C{[command, ...]}.
"""

from __future__ import annotations

import gc
import sys
from itertools import count
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.spread import pb

from benchmarks.commands import run
from benchmarks.processes import allow_many_files, resident, say
from benchmarks.sessions.realms import PASSWORD
from benchmarks.store.sides import value
from pbrealm import Limits, ServerFactory, SharedStateRealm
from pbrealm.store import SQLiteStore
from pbrealm.testing import make_portal

reactor: Any = _reactor

ACCOUNTS = 1_000

KEYS = 1_000
"""Keys that are changed in turn: more than there are changes in a commit."""

_numbers = count()


class Player(pb.Avatar):
    """
    An avatar of a state that calls change, look at, or leave alone.
    """

    def __init__(self, name: str, state: Any) -> None:
        self.state = state

    def perspective_change(self) -> int:
        number = next(_numbers)
        self.state[f"key{number % KEYS}"] = value(number)
        return number

    def perspective_look(self) -> Any:
        return self.state["key0"]["gold"]

    def perspective_add(self) -> int:
        return 5 + 3


class Server:
    """
    What it can be told to do.
    """

    def __init__(self, realm: SharedStateRealm[Any], store: SQLiteStore | None) -> None:
        self._realm = realm
        self._store = store

    async def open(self) -> None:
        """Open the store."""
        if self._store is not None:
            await self._store.open()

    def states(self) -> int:
        """How many states are in memory."""
        return len(self._realm.states)

    def memory(self) -> int:
        """Bytes, once all garbage is gone."""
        gc.collect()
        return resident()


def main(path: str = "") -> None:
    allow_many_files()
    store = SQLiteStore(path) if path else None
    realm: Any = SharedStateRealm(Player, store.load if store else lambda _: {})
    passwords = {f"user{number}": PASSWORD.decode() for number in range(ACCOUNTS)}
    # All clients are at one address, which may log in as fast as they can.
    limits = Limits(connections_per_address=100 * Limits.connections)
    factory = ServerFactory(make_portal(realm, passwords), limits)
    port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
    say(port.getHost().port)
    run(Server(realm, store))


if __name__ == "__main__":
    main(*sys.argv[1:])
