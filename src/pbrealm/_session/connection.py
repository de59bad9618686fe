"""
A connection as sessions see it: who is on it, whether its peer answers, and how to close it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot, broker_of
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.ping import ping_by_call
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm.errors import Reason

CLOSE_TIMEOUT = 5.0
"""Seconds that a connection gets to send what was written, before it is aborted."""


class ConnectedSession(Protocol):
    """What a connection asks of a session on it."""

    id: int

    def revoke(self, reason: Reason) -> None:
        """Refuse all calls from now on; L{end} follows at once."""

    def end(self, reason: Reason, *, text: str | None = None) -> Deferred[None]:
        """End."""

    def away_changed(self) -> object:
        """The connection is lost and may be resumed, or was resumed."""


class Connection:
    """
    One broker, and the sessions on it.

    While there are sessions, it watches for the loss of the connection, once for all of them: a
    client that logs in and out all day leaves nothing behind.

    @ivar sessions: those that haven't ended, also while their login is pending.
    """

    __slots__ = ("broker", "sessions")

    def __init__(self, broker: pb.Broker) -> None:
        self.broker = broker
        self.sessions: tuple[ConnectedSession, ...] = ()

    @classmethod
    def of(cls, broker: pb.Broker) -> Connection:
        """The connection of a broker: the same object for as long as it has sessions."""
        return _CONNECTION.get(broker) or cls(broker)

    @property
    def peer(self) -> IAddress | None:
        """The client's address, also after the connection is lost."""
        return transport_of(self.broker).getPeer()

    @property
    def lost(self) -> bool:
        """Whether the connection is lost, as far as the transport knows."""
        return bool(self.broker.disconnected)

    @property
    def away(self) -> bool:
        """Whether the client has lost its connection, and may come back."""
        broker = self.broker
        stream = broker.stream if isinstance(broker, ResumableBroker) else None
        return stream is not None and stream.away

    def away_changed(self) -> None:
        """The connection is lost and may be resumed, or was resumed."""
        for session in self.sessions:
            session.away_changed()

    def add(self, session: ConnectedSession) -> None:
        """A session begins on this connection."""
        if not self.sessions:
            _CONNECTION.set(self.broker, self)
            self.broker.notifyOnDisconnect(self._disconnected)
        self.sessions = (*self.sessions, session)

    def discard(self, session: ConnectedSession) -> None:
        """A session has ended; one that isn't on this connection is no error."""
        if session not in self.sessions:
            return
        self.sessions = tuple([other for other in self.sessions if other is not session])
        if not self.sessions:
            _CONNECTION.clear(self.broker)
            if not self.lost:
                self.broker.dontNotifyOnDisconnect(self._disconnected)

    def end_sessions(self, reason: Reason) -> None:
        """
        End all sessions on this connection.

        All are revoked before the first is ended, so that none takes a slot that another frees.
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

        @param timeout: seconds to wait.
        @return: fires with whether an answer came, an error included; never fails.
        """
        if self.lost or self.away:
            return succeed(False)
        broker = self.broker
        answer = broker.ping() if isinstance(broker, FastBroker) else ping_by_call(broker)
        # Not by C{why.check}: the client chooses the attributes of an error that it sends.
        alive = answer.addCallbacks(
            lambda _: True, lambda why: not isinstance(why.value, pb.PBConnectionLost)
        )
        return alive.addTimeout(timeout, clock, onTimeoutCancel=lambda *_: False)

    def leave(self, reason: Reason, clock: IReactorTime) -> None:
        """
        A session that the server has ended leaves the connection: close it, unless another is on
        it.
        """
        # There may have been a new login since, for which this connection object is outdated.
        if has_sessions(self.broker):
            return
        if reason is Reason.NO_ANSWER:
            self.abort()
        else:
            self.close(clock)

    def close(self, clock: IReactorTime) -> None:
        """Close once all is sent, and after L{CLOSE_TIMEOUT} in any case."""
        if self.lost:
            return
        transport = transport_of(self.broker)
        abort = clock.callLater(CLOSE_TIMEOUT, transport.abortConnection)
        self.broker.notifyOnDisconnect(lambda: abort.cancel() if abort.active() else None)
        transport.loseConnection()

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        if not self.lost:
            transport_of(self.broker).abortConnection()


_CONNECTION: Final = BrokerSlot[Connection]("connection")


class ConnectedMind:
    """
    The mind of a client, with the connection that its login came over.

    L{pbrealm.ServerFactory} passes it as the mind to realms of pbrealm.  They see the connection
    of a client that passed no mind, too.

    @ivar mind: what the client passed, or L{None}.
    @ivar clock: the server's clock.
    @ivar authenticated: called once the client has been authenticated, with the avatar id as the
        checker gave it.
    @ivar session: the session of the login, once a realm has begun it.
    """

    __slots__ = ("authenticated", "broker", "clock", "mind", "session")

    def __init__(
        self,
        broker: pb.Broker,
        mind: object,
        clock: IReactorTime,
        authenticated: Callable[[object], object],
    ) -> None:
        self.broker = broker
        self.mind = mind
        self.clock = clock
        self.authenticated = authenticated
        self.session: Any = None


def connection_of(mind: object) -> Connection | None:
    """The connection that a mind has come over; L{None} where it isn't known."""
    broker = mind.broker if isinstance(mind, ConnectedMind) else broker_of(mind)
    return None if broker is None else Connection.of(broker)


def transport_of(broker: pb.Broker) -> ITCPTransport:
    """The transport of a broker; those of TLS and of UNIX sockets have the same methods."""
    return cast(ITCPTransport, broker.transport)


def has_sessions(broker: pb.Broker) -> bool:
    """Whether any session is on the connection of this broker."""
    return bool(Connection.of(broker).sessions)
