"""
Clients that come back to their sessions by hand, and the server that they come back to.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IClientAware,
    JournalRealm,
    Limits,
    MindTrackingRealm,
    Reason,
    ServerFactory,
)
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm.client._resumption import Resumption
from pbrealm.testing import MemoryClient, MemoryServer, RecordingMind


@implementer(IClientAware)
class Player(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.seen: list[Any] = []

    def attached(self, session: Any) -> None:
        self.seen.append("attached")

    def detached(self, session: Any, reason: Reason) -> None:
        self.seen.append(reason)

    def perspective_echo(self, value: Any) -> Any:
        return value


class Factory(pb.PBClientFactory):
    protocol = ResumableBroker


class ResumableClient:
    """
    A client that asks for resumption.
    """

    def __init__(self, server: MemoryServer, name: str = "alice", client_id: bytes = b"") -> None:
        self.server = server
        self.mind = RecordingMind()
        self.link = self.client = server.connect(Factory())
        if client_id:
            self.client.wait(self.root(self.client).callRemote("identify", client_id))
        self.perspective = self.client.login(name, "secret", self.mind)
        self.resumption: Resumption = self.client.wait(
            Deferred.fromCoroutine(Resumption.begin(self.broker, self.root(self.client), 1 << 24))
        )

    @property
    def broker(self) -> Any:
        return self.client.broker

    def root(self, link: MemoryClient) -> Any:
        return link.wait(link.factory.getRootObject())

    def lose(self) -> None:
        self.link.drop()
        self.server.flush()

    def come_back(self) -> None:
        link = self.server.connect(Factory())
        link.wait(Deferred.fromCoroutine(self.resumption.resume(link.broker, self.root(link))))
        self.link = link
        self.server.flush()


class ServerTestCase(SynchronousTestCase):
    limits = Limits(login_seconds=0, ping_interval=20, ping_timeout=10, resume_seconds=60)

    def serve(self, **limited: Any) -> None:
        inner: Any = CachingRealm(Player)
        if limited:
            inner = ConnectionLimitedRealm(inner, **limited)
        self.realm: MindTrackingRealm[Any] = MindTrackingRealm(JournalRealm(inner))
        self.server = MemoryServer(self.realm, limits=self.limits)
        self.factory = cast(ServerFactory, self.server.factory)
        self.state = self.factory._server_state()
