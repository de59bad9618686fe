"""
Plain Perspective Broker clients over TCP, for tests.  This module does not use pbrealm.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.spread import pb

from tests.integration.waiting import TIMEOUT


class Mind(pb.Referenceable):
    """
    A mind that has any method.

    @ivar calls: a queue of the calls that it has received: each a tuple of the method's name and
        the arguments.
    @ivar answer: what every call returns.
    """

    def __init__(self, answer: object = None) -> None:
        self.calls: DeferredQueue[Any] = DeferredQueue()
        self.answer = answer

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        self.calls.put((message, *broker.unserialize(args)))
        return broker.serialize(self.respond(message))

    def respond(self, message: str) -> object:
        """Answer a call; for subclasses to override."""
        return self.answer

    async def next_call(self, method: str | None = None) -> tuple[Any, ...]:
        """
        Wait for a call.

        @param method: the method; the calls of others before it are dropped.
        """
        while True:
            call: tuple[Any, ...] = await self.calls.get().addTimeout(TIMEOUT, reactor)
            if method is None or call[0] == method:
                return call


class FailingMind(Mind):
    """A mind that fails every call."""

    def respond(self, message: str) -> object:
        raise pb.Error(f"no method {message}")


class PlainClient:
    """
    One connection of an unmodified L{pb.PBClientFactory}.

    @ivar lost: fires when the connection is lost.
    """

    def __init__(self, factory: pb.PBClientFactory, broker: Any) -> None:
        self.factory = factory
        self.broker = broker
        self.lost: Deferred[None] = Deferred()
        broker.notifyOnDisconnect(lambda: self.lost.callback(None))

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> PlainClient:
        """Connect to a server."""
        factory = pb.PBClientFactory()
        return cls(factory, await TCP4ClientEndpoint(reactor, host, port).connect(factory))

    def login(
        self, name: str = "alice", password: str = "secret", mind: object = None
    ) -> Deferred[pb.RemoteReference]:
        """
        Log in with a password.

        @return: fires with the reference to the perspective.  The session ends when that
            reference is dropped.
        """
        return self._login(UsernamePassword(name.encode(), password.encode()), mind)

    def login_anonymously(self, mind: object = None) -> Deferred[pb.RemoteReference]:
        """Log in without a name, otherwise as L{login} does."""
        return self._login(Anonymous(), mind)

    def _login(self, credentials: object, mind: object) -> Deferred[pb.RemoteReference]:
        perspective: Deferred[pb.RemoteReference] = self.factory.login(credentials, mind)
        return perspective

    @property
    def address(self) -> str:
        """The client's end of the connection, as HOST:PORT."""
        host = self._host()
        return f"{host.host}:{host.port}"

    @property
    def port(self) -> int:
        """The client's port."""
        return self._host().port

    def _host(self) -> IPv4Address:
        host = self.broker.transport.getHost()
        assert isinstance(host, IPv4Address)
        return host

    def stop_reading(self) -> None:
        """Stay connected, but read nothing more."""
        self.broker.transport.pauseProducing()

    def resume_reading(self) -> None:
        """Read again."""
        self.broker.transport.resumeProducing()

    def abort(self) -> Deferred[None]:
        """Reset the connection."""
        self.broker.transport.abortConnection()
        return self.lost

    def disconnect(self) -> Deferred[None]:
        """Close the connection.  Safe to repeat."""
        self.broker.transport.loseConnection()
        return self.lost
