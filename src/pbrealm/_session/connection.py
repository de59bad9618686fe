"""
What a realm can see of a broker: who lives on it, whether it answers, and how to leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.spread import pb

from pbrealm.errors import Reason

if TYPE_CHECKING:
    from pbrealm._session.session import Session

CLOSE_TIMEOUT = 5.0
"""Seconds that a connection gets to flush what was written, before it is aborted."""

_NOBODY = "pbrealm.nobody"
"""The name of an object that no peer has."""

_connections: dict[pb.Broker, Connection] = {}


class Connection:
    """
    One broker, and the sessions on it.

    It asks the broker once, not once a login, to be told of the disconnection, and only while
    there are sessions: a client that logs in and out all day leaves nothing behind.

    @ivar sessions: those that haven't ended, also while their login is pending.
    """

    __slots__ = ("broker", "sessions")

    def __init__(self, broker: pb.Broker) -> None:
        self.broker = broker
        self.sessions: tuple[Session, ...] = ()

    @classmethod
    def of(cls, broker: pb.Broker) -> Connection:
        """The connection of this broker, the same one as long as there are sessions on it."""
        return _connections.get(broker) or cls(broker)

    @property
    def peer(self) -> IAddress | None:
        """The client's address, also once the connection is lost."""
        return transport_of(self.broker).getPeer()

    @property
    def lost(self) -> bool:
        """Whether there is nobody at the other end any more, as far as the transport knows."""
        return bool(self.broker.disconnected)

    def enter(self, session: Session) -> None:
        """A session begins here."""
        if not self.sessions:
            _connections[self.broker] = self
            self.broker.notifyOnDisconnect(self._disconnected)
        self.sessions = (*self.sessions, session)

    def leave(self, session: Session) -> None:
        """A session has ended; one that isn't here is no error."""
        if session not in self.sessions:
            return
        self.sessions = tuple([other for other in self.sessions if other is not session])
        if not self.sessions:
            _connections.pop(self.broker, None)
            if not self.lost:
                self.broker.dontNotifyOnDisconnect(self._disconnected)

    def end_sessions(self, reason: Reason) -> None:
        """
        End all that are on it: first no call gets through any more, then each hears of its end,
        and so none of them gets what another leaves.
        """
        sessions = self.sessions
        for session in sessions:
            session.revoke(reason)
        for session in sessions:
            session.end(reason)

    def _disconnected(self) -> None:
        self.end_sessions(Reason.DISCONNECTED)

    def ping(self, clock: IReactorTime, timeout: float) -> Deferred[bool]:
        """
        Ask the peer for a sign of life.

        Every Perspective Broker peer answers a message to an object that it doesn't have, with an
        error, which is as good an answer as any: nothing needs to be installed there.

        @param timeout: seconds to wait.
        @return: fires with whether an answer came; never fails.
        """
        if self.lost:
            return succeed(False)
        nobody = self.broker.remoteForName(_NOBODY)
        answer: Deferred[object] = nobody.callRemote("ping")
        alive = answer.addCallbacks(lambda _: True, lambda why: not why.check(pb.PBConnectionLost))
        return alive.addTimeout(timeout, clock, onTimeoutCancel=lambda *_: False)

    def close(self, clock: IReactorTime) -> None:
        """Close gently, and by force after L{CLOSE_TIMEOUT} if the peer takes nothing any more."""
        if self.lost:
            return
        transport = transport_of(self.broker)
        forced = clock.callLater(CLOSE_TIMEOUT, transport.abortConnection)
        self.broker.notifyOnDisconnect(lambda: forced.cancel() if forced.active() else None)
        transport.loseConnection()

    def abort(self) -> None:
        """Close at once, whatever is still to be written: for a peer that no longer answers."""
        if not self.lost:
            transport_of(self.broker).abortConnection()


class Caller:
    """
    A mind, or none, together with the connection that the login came over.

    L{pbrealm.ServerFactory} passes it as the mind to a realm that knows what it is: so a realm
    sees the connection of a client that passed no mind, or none that it can be reached by.
    """

    __slots__ = ("broker", "mind")

    def __init__(self, broker: pb.Broker, mind: object) -> None:
        self.broker = broker
        self.mind = mind


def connection_of(mind: object) -> Connection | None:
    """The connection that a mind has come over; L{None} for no mind, or for one of no broker."""
    broker = getattr(mind, "broker", None)
    return Connection.of(broker) if isinstance(broker, pb.Broker) else None


def transport_of(broker: pb.Broker) -> ITCPTransport:
    """The transport of a broker; those of TLS and of UNIX sockets have the same methods."""
    return cast(ITCPTransport, broker.transport)


def format_address(address: IAddress | None) -> str:
    """An address as people write it."""
    match address:
        case None:
            return "an unknown address"
        case IPv4Address():
            return f"{address.host}:{address.port}"
        case IPv6Address():
            return f"[{address.host}]:{address.port}"
        case _:
            return str(address)
