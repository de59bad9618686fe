"""
Perspective Broker without sockets, for tests of programs that use pbrealm.

A L{MemoryServer} serves any PB factory to real PB clients in memory, driven by a
L{Clock<twisted.internet.task.Clock>}::

    class GreetTests(SynchronousTestCase):
        def test_greet(self):
            server = MemoryServer(CachingRealm(Player), {"alice": "secret"})
            alice = server.connect()
            perspective = alice.login("alice", "secret")
            self.assertEqual(alice.call(perspective, "greet"), "hello alice")

L{MemoryClient.login} and L{MemoryClient.call} carry the bytes and return the answer.  To test
what happens between, use C{client.factory} and C{callRemote}, and say when the bytes go with
L{MemoryServer.flush}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import Anonymous, ICredentials, UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.test.iosim import FakeTransport

from pbrealm._delivery.backlog import Backlog
from pbrealm._server.factory import ServerFactory
from pbrealm._server.limits import Limits
from pbrealm.interfaces import ISessionRealm

_BUFFER = 64 * 1024
"""Bytes that a transport takes before it asks for a pause, as Twisted's do."""

UNHURRIED = Limits(login_seconds=0, ping_interval=0)
"""Limits that let a test advance the clock at will: nobody has to log in in time, and nobody is
asked for a sign of life."""


def make_portal(realm: IRealm, passwords: Mapping[str, str], *, anonymous: bool = True) -> Portal:
    """
    A portal that knows these passwords, and lets in anonymous logins if C{anonymous} is true.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in passwords.items():
        checker.addUser(name.encode(), password.encode())
    return Portal(realm, [checker, AllowAnonymousAccess()] if anonymous else [checker])


class MemoryServer:
    """
    A server in memory.

    @ivar clock: advance it to let time pass; what is due at once runs at each L{flush}.
    @ivar clients: those that have connected, in order.
    """

    def __init__(
        self,
        realm: IRealm,
        passwords: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        backlog: Backlog | None = None,
        factory: pb.PBServerFactory | None = None,
    ) -> None:
        """
        @param realm: served by a L{pbrealm.ServerFactory}, if no other factory is given.  One
            that has no clock yet gets the server's, and so does the factory.
        @param passwords: of the accounts there are; by default alice's and bob's, both "secret".
        @param clock: the one that the realm was made with.
        @param limits: of the L{pbrealm.ServerFactory}; by default L{UNHURRIED}.
        @param backlog: of the L{pbrealm.ServerFactory}, too.
        @param factory: for instance a plain L{pb.PBServerFactory}.
        """
        if passwords is None:
            passwords = {"alice": "secret", "bob": "secret"}
        self.clock = clock or getattr(realm, "clock", None) or Clock()
        if ISessionRealm.providedBy(realm) and realm.clock is None:
            realm.clock = self.clock
        if isinstance(factory, ServerFactory) and factory.clock is None:
            factory.clock = self.clock
        self.factory = factory or ServerFactory(
            make_portal(realm, passwords),
            limits or UNHURRIED,
            backlog or Backlog(),
            clock=self.clock,
        )
        self.clients: list[MemoryClient] = []

    def connect(self, factory: pb.PBClientFactory | None = None) -> MemoryClient:
        """A new connection of a new client, plain PB by default, with the greetings exchanged."""
        client = MemoryClient(self, factory or pb.PBClientFactory(), 50000 + len(self.clients))
        self.clients.append(client)
        self.flush()
        return client

    def flush(self) -> None:
        """Carry bytes to and fro until there are none left, but for clients that are cut off."""
        for _ in range(10000):
            self.clock.advance(0)
            moved = [client.pump() for client in self.clients]
            if not any(moved):
                return
        raise AssertionError("the clients and the server do not come to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass, and flush before and after."""
        self.flush()
        self.clock.advance(seconds)
        self.flush()


class MemoryClient:
    """
    A client, connected in memory to a L{MemoryServer}, which makes it.

    @ivar factory: its L{pb.PBClientFactory}.
    @ivar broker: its L{pb.Broker}.
    @ivar server_broker: the broker at the other end.
    """

    def __init__(self, server: MemoryServer, factory: pb.PBClientFactory, port: int) -> None:
        address = IPv4Address("TCP", "127.0.0.1", port)
        self._server = server
        self._cut = False
        self.factory = factory
        self.broker: Any = factory.buildProtocol(address)
        self.server_broker: Any = server.factory.buildProtocol(address)
        self._transport = _Transport(self.broker, False, server.clock, address)
        self._server_transport = _Transport(self.server_broker, True, server.clock, address)
        self.server_broker.makeConnection(self._server_transport)
        self.broker.makeConnection(self._transport)

    def pump(self) -> bool:
        """
        Carry the bytes that are there now, or else the news that one end has closed.

        @return: whether there was anything to carry.
        """
        if self._cut:
            return False
        ends = (self._transport, self._server_transport)
        # What one end doesn't want to read yet stays with the other.
        written = [
            None if receiver.deaf else sender.getOutBuffer()
            for sender, receiver in zip(ends, reversed(ends), strict=True)
        ]
        for data, receiver in zip(written, reversed(ends), strict=True):
            if data and not receiver.lost:
                receiver.bufferReceived(data)
        if any(written):
            return True
        if all(end.lost for end in ends) or not any(end.disconnecting for end in ends):
            return False
        for end in ends:
            end.lose(ConnectionDone())
        return True

    def start_login(
        self, name: str | None = None, password: str = "", mind: object = None
    ) -> Deferred[Any]:
        """Begin a login, anonymous without a name, as a plain PB client does."""
        credentials: ICredentials = Anonymous()
        if name is not None:
            credentials = UsernamePassword(name.encode(), password.encode())
        login: Deferred[Any] = self.factory.login(credentials, mind)
        return login

    def login(self, name: str | None = None, password: str = "", mind: object = None) -> Any:
        """
        Log in.

        @return: the reference to the perspective.
        @raise twisted.spread.pb.RemoteError: if the login is refused.
        """
        return self.wait(self.start_login(name, password, mind))

    def call(self, reference: Any, method: str, /, *args: object, **kw: object) -> Any:
        """
        Call a remote method.

        @return: its answer.
        @raise twisted.spread.pb.RemoteError: if it fails at the other end.
        """
        return self.wait(reference.callRemote(method, *args, **kw))

    def wait(self, awaited: Deferred[Any]) -> Any:
        """
        Flush, and take the result.

        @raise AssertionError: if there is none yet.
        """
        results: list[Any] = []
        awaited.addBoth(results.append)
        self._server.flush()
        if not results:
            raise AssertionError("no answer has come")
        (result,) = results
        if isinstance(result, Failure):
            if isinstance(result.value, Exception):
                raise result.value
            raise pb.RemoteError(result.type, result.value, None)
        return result

    def leave(self) -> None:
        """Close the connection from the client's side, and let the server know of it."""
        self._transport.loseConnection()
        self._server.flush()

    def drop(self) -> None:
        """Lose the connection at both ends at once, with all that is under way."""
        for transport in (self._server_transport, self._transport):
            transport.lose(ConnectionLost())

    def cut_off(self) -> None:
        """
        From now on nothing gets through in either direction, and neither end is told: a
        connection that is half-open.
        """
        self._cut = True

    def stop_reading(self) -> None:
        """From now on the client takes nothing from its connection; it may go on writing."""
        self._transport.deaf = True

    def start_reading(self) -> None:
        """Undo L{stop_reading}."""
        self._transport.deaf = False

    def reconnect_wire(self) -> None:
        """Undo L{cut_off}: what was written meanwhile gets through."""
        self._cut = False

    @property
    def connected(self) -> bool:
        """Whether the server takes the connection to be there."""
        return not self.server_broker.disconnected


class _Transport(FakeTransport):
    """
    A transport in memory that can be aborted: at once, with all that is buffered.
    """

    def __init__(
        self, protocol: Protocol, is_server: bool, clock: Clock, peer: IPv4Address
    ) -> None:
        super().__init__(protocol, is_server, peerAddress=peer)
        self._clock = clock
        self.lost = False
        self.paused = False
        self.deaf = False

    def write(self, data: bytes) -> None:
        super().write(data)
        if sum(map(len, self.stream)) > _BUFFER and self.producer is not None:
            self.paused = True
            self.producer.pauseProducing()

    def getOutBuffer(self) -> Any:
        data = super().getOutBuffer()
        if data and self.paused:
            self.paused = False
            if self.producer is not None:
                self.producer.resumeProducing()
        return data

    def pauseProducing(self) -> None:
        self.deaf = True

    def resumeProducing(self) -> None:
        self.deaf = False

    def abortConnection(self) -> None:
        self.stream.clear()
        self.disconnecting = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, why: Exception) -> None:
        """The connection is gone at this end."""
        if not self.lost:
            self.lost = self.disconnecting = True
            self.protocol.connectionLost(Failure(why))


class RecordingMind(pb.Referenceable):
    """
    A mind that has any method: it keeps what it was called with, and answers.

    @ivar calls: of each call, the name and the positional arguments.
    @ivar answer: what it answers to everything.
    """

    def __init__(self, answer: object = None) -> None:
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.answer = answer

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        arguments = broker.unserialize(args)
        self.calls.append((message, tuple(arguments)))
        return broker.serialize(self.respond(message), self.perspective)

    def respond(self, message: str) -> object:
        """What to answer to a call; here, always C{answer}."""
        return self.answer

    def goodbyes(self) -> list[tuple[object, ...]]:
        """The arguments of the goodbyes that it has been told: number, text, reconnect."""
        return [args for message, args in self.calls if message == "goodbye"]


class FailingMind(RecordingMind):
    """A mind whose every method fails with a L{pb.Error}."""

    def respond(self, message: str) -> object:
        raise pb.Error(f"{message} fails")


class StallingMind(RecordingMind):
    """
    A mind that answers nothing before it's told to.
    """

    def __init__(self, answer: object = None) -> None:
        super().__init__(answer)
        self._stalled: list[Deferred[object]] = []

    def respond(self, message: str) -> Deferred[object]:
        stalled: Deferred[object] = Deferred()
        self._stalled.append(stalled)
        return stalled

    def release(self) -> None:
        """Answer all that was asked so far."""
        stalled, self._stalled = self._stalled, []
        for deferred in stalled:
            deferred.callback(self.answer)


class VanishingMind(RecordingMind):
    """
    A mind whose client loses its connection instead of answering.

    @ivar client: the client to drop; set it before the first call.
    """

    client: MemoryClient | None = None

    def respond(self, message: str) -> object:
        if self.client is None:
            raise AssertionError("whose connection is to be lost?")
        self.client.drop()
        return None


__all__ = [
    "UNHURRIED",
    "FailingMind",
    "MemoryClient",
    "MemoryServer",
    "RecordingMind",
    "StallingMind",
    "VanishingMind",
    "make_portal",
]
