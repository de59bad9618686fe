"""
A master with a realm written by hand, in the way of buildbot's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import ConnectionLimitedRealm
from tests.integration.buildbot.master import Connection, Master
from tests.integration.processes import Process
from tests.integration.waiting import wait_until


@implementer(IRealm)
class RealmByHand:
    """
    A realm that calls the worker before it returns the avatar.

    @ivar connections: the avatars of the logins that aren't over.
    """

    def __init__(self) -> None:
        self.connections: list[Connection] = []

    def requestAvatar(self, avatarId: object, mind: Any, *interfaces: object) -> Any:
        assert pb.IPerspective in interfaces
        return Deferred.fromCoroutine(self._attach(str(avatarId), mind))

    async def _attach(self, name: str, mind: Any) -> tuple[object, Connection, Callable[[], None]]:
        connection = Connection(name)
        await connection.greet(mind.callRemote)
        self.connections.append(connection)
        return pb.IPerspective, connection, lambda: self.connections.remove(connection)


class MasterByHand(Master):
    """A L{Master} with a L{RealmByHand}."""

    def make_realm(self) -> IRealm:
        self.by_hand = RealmByHand()
        return self.by_hand

    async def connection(self, worker: Process) -> Connection:
        """Wait for the avatar of a worker, whose process has to run until then."""
        connections = self.by_hand.connections
        await worker.wait_until(lambda: len(connections), lambda count: count == 1, "one login")
        connections[0].worker = worker
        return connections[0]

    async def disconnected(self) -> None:
        """Wait until the worker's login is over."""
        await wait_until(lambda: self.by_hand.connections, lambda all: not all, "no login")


class LimitedMasterByHand(MasterByHand):
    """A L{MasterByHand} that lets each worker in once."""

    def make_realm(self) -> IRealm:
        return ConnectionLimitedRealm(super().make_realm())
