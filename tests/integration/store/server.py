"""
A server with a store, whose answers and notifications wait by themselves until they may leave.

C{python -m tests.integration.store.server FILE [SEED]} listens on a free port.  With a seed, the
disk fails at times.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import ClientSet, IClientAware, ServerFactory, SharedStateRealm
from pbrealm.store import SQLiteStore
from pbrealm.testing import make_portal
from tests.store.disk import FAULTS, Disk

PASSWORDS = dict.fromkeys(["alice", "bob"], "secret")

global_reactor: Any = reactor


@implementer(IClientAware)
class Player(pb.Avatar):
    """
    Keeps the last number of each client, in three places that change together.
    """

    def __init__(self, state: Any, server: Server) -> None:
        self.state = state
        self.server = server

    async def attached(self, session: Any) -> None:
        self.server.clients.add(session)

    async def detached(self, session: Any, reason: Any) -> None:
        pass

    def perspective_set(self, client: int, number: int, size: int) -> int:
        """
        Set a client's number.

        @param size: how many bytes to change beside it.
        """
        bank = self.server.bank
        self.state.update({client: number, ("again", client): number, "other": b"x" * size})
        bank[client] = number
        self.server.clients.notify("told", client, number, pbanswer=False)
        return number

    def perspective_bank(self) -> Any:
        """A live copy of the state that all clients change."""
        return self.server.bank

    def perspective_get(self, client: int) -> Any:
        """A client's number in all places, as they are in memory."""
        places = self.state.get(client), self.state.get(("again", client))
        return *places, self.server.bank.get(client)


class Server:
    """
    The server's states.
    """

    bank: Any

    def __init__(self, path: str) -> None:
        self.store = SQLiteStore(path)
        self.clients = ClientSet()

    async def serve(self) -> None:
        """Serve, and print the port."""
        self.bank = await self.store.load("bank")
        realm = SharedStateRealm(lambda name, state: Player(state, self), self.store.load)
        factory = ServerFactory(make_portal(realm, PASSWORDS))
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        port = await endpoint.listen(factory)
        print("listening on", port.getHost().port, flush=True)


def fail_at_times(disk: Disk, chance: random.Random) -> None:
    """Have the disk fail for some operations, and then not for some, and so on."""
    left = 0

    def fault(what: str, path: str) -> str | None:
        nonlocal left
        left -= 1
        if left < -chance.randrange(20, 200):
            left = chance.randrange(1, 10)
        return chance.choice(FAULTS) if left > 0 else None

    disk.fault = fault


def main(path: str, seed: str = "") -> None:
    server = Server(path)
    disk = Disk()
    with disk.mounted():

        async def start() -> None:
            await server.serve()
            if seed:
                fail_at_times(disk, random.Random(seed))

        Deferred.fromCoroutine(start()).addErrback(stop)
        global_reactor.run()


def stop(why: Any) -> None:
    print(why.getErrorMessage(), flush=True)
    global_reactor.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
