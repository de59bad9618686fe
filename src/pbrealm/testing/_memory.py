"""
A server and its clients in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import Anonymous, ICredentials, UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.backlog import Backlog
from pbrealm._server.factory import ServerFactory
from pbrealm._server.limits import Limits
from pbrealm._types import AnyRealm
from pbrealm.realms import clock_of
from pbrealm.testing._transport import MemoryTransport

UNHURRIED = Limits(login_seconds=0, ping_interval=0)
"""Limits that let a test advance the clock at will: without a login timeout, and without pings."""


def make_portal(
    realm: AnyRealm, passwords: Mapping[str, str], *, anonymous: bool = True
) -> Portal:
    """
    A portal with accounts in memory.

    @param passwords: of the accounts, by name.
    @param anonymous: whether anonymous logins are accepted.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in passwords.items():
        checker.addUser(name.encode(), password.encode())
    checkers = [checker, AllowAnonymousAccess()] if anonymous else [checker]
    return Portal(cast(IRealm, realm), checkers)


class MemoryServer:
    """
    A server in memory.

    @ivar clock: what the server, its clients and their sessions run by.
    @ivar factory: the server factory.
    @ivar clients: those that have connected, in order.
    @ivar running: whether it accepts connections.
    """

    def __init__(
        self,
        realm: AnyRealm,
        passwords: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        backlog: Backlog | None = None,
        factory: pb.PBServerFactory | None = None,
    ) -> None:
        """
        @param realm: is served by a L{pbrealm.ServerFactory}, unless a factory is given.  A realm
            without a clock runs by the server's.
        @param passwords: of the accounts, by name; by default of alice and bob, both "secret".
        @param clock: by default that of the realm, if it has one, or else a new one.
        @param limits: for the L{pbrealm.ServerFactory}; by default L{UNHURRIED}.
        @param backlog: for the L{pbrealm.ServerFactory}.
        @param factory: a factory to use instead.  A L{pbrealm.ServerFactory} without a clock gets
            the server's.  Under a plain L{pb.PBServerFactory}, only the realm can have a clock:
            pass the same one to both.
        """
        if passwords is None:
            passwords = {"alice": "secret", "bob": "secret"}
        self.clock: Clock = clock or cast("Clock | None", clock_of(realm)) or Clock()
        if isinstance(factory, ServerFactory) and factory.clock is None:
            factory.clock = self.clock
        self._realm = realm
        self._passwords = passwords
        self._limits = limits or UNHURRIED
        self._backlog = backlog or Backlog()
        self._given = factory
        self.factory = factory or self._make_factory(realm)
        self.clients: list[MemoryClient] = []
        self.running = True

    def _make_factory(self, realm: AnyRealm) -> ServerFactory:
        portal = make_portal(realm, self._passwords)
        return ServerFactory(portal, self._limits, self._backlog, clock=self.clock)

    def connect(self, factory: pb.PBClientFactory | None = None) -> MemoryClient:
        """
        Connect a new client.

        @param factory: by default a plain L{pb.PBClientFactory}.
        @raise ConnectionRefusedError: if the server was killed.
        """
        client = self.accept(factory or pb.PBClientFactory())
        self.flush()
        return client

    def accept(self, factory: pb.PBClientFactory) -> MemoryClient:
        """
        Connect a new client, and deliver nothing yet.

        @raise ConnectionRefusedError: if the server was killed.
        """
        if not self.running:
            raise ConnectionRefusedError("the server was killed")
        client = MemoryClient(self, factory, 50000 + len(self.clients))
        self.clients.append(client)
        return client

    def kill(self) -> None:
        """
        End the server as SIGKILL does: all connections are lost with the bytes under way, and new
        ones are refused.
        """
        self.running = False
        for client in self.clients:
            client.lose_server()
            # It has no time to wait for those who might come back.
            client.server_broker.transport.abortConnection()

    def restart(
        self, realm: AnyRealm | None = None, *, factory: pb.PBServerFactory | None = None
    ) -> None:
        """
        Start the server again, after L{kill} or after its factory was closed.

        @param realm: by default the same.  A realm that was closed accepts no more logins.
        @param factory: by default a new one, unless the server was made with one.
        """
        if realm is not None:
            self._realm = realm
        self.factory = factory or self._given or self._make_factory(self._realm)
        self.running = True

    def flush(self) -> None:
        """Deliver bytes until none are left, except to and from clients that are cut off."""
        for _ in range(10000):
            self.clock.advance(0)
            moved = [client.pump() for client in self.clients]
            if not any(moved):
                return
        raise AssertionError("the clients and the server do not come to rest")

    def advance(self, seconds: float) -> None:
        """Advance the clock, and flush before and after."""
        self.flush()
        self.clock.advance(seconds)
        self.flush()


class MemoryClient:
    """
    A client that is connected to a L{MemoryServer}, which makes it.

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
        self.server_broker: Any = server.factory.buildProtocol(address) or _Rejection()
        self._transport = MemoryTransport(self.broker, False, server.clock, address)
        self._server_transport = MemoryTransport(self.server_broker, True, server.clock, address)
        self.server_broker.makeConnection(self._server_transport)
        self.broker.makeConnection(self._transport)

    def pump(self) -> bool:
        """
        Deliver the bytes that were written so far, or else the close of one end to the other.

        @return: whether there was anything to deliver.
        """
        if self._cut:
            return False
        ends = (self._transport, self._server_transport)
        # What one end doesn't read stays with the other.
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
        """
        Begin a login; without a name, an anonymous one.

        @return: as of L{pb.PBClientFactory.login}.
        """
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
        """Close the connection from the client's side, and flush."""
        self._transport.loseConnection()
        self._server.flush()

    def drop(self) -> None:
        """Lose the connection at both ends at once, with all bytes under way."""
        for transport in (self._server_transport, self._transport):
            transport.lose(ConnectionLost())

    def lose_server(self) -> None:
        """Have the server's process end, which the client's end notices unless it is cut off."""
        self._server_transport.lose(ConnectionLost())
        if not self._cut:
            self._transport.lose(ConnectionLost())

    def cut_off(self) -> None:
        """
        Make the connection half-open: from now on nothing is delivered in either direction, and
        neither end is told.
        """
        self._cut = True

    def stop_reading(self) -> None:
        """Have the client read nothing from its connection.  It may go on writing."""
        self._transport.deaf = True

    def start_reading(self) -> None:
        """Undo L{stop_reading}."""
        self._transport.deaf = False

    def restore(self) -> None:
        """Undo L{cut_off}: what was written meanwhile is delivered at the next flush."""
        self._cut = False

    @property
    def connected(self) -> bool:
        """Whether the server has not lost the connection."""
        return not self.server_broker.disconnected


class _Rejection(Protocol):
    """Closes a connection that the factory of a server has accepted no protocol for."""

    disconnected = True

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
