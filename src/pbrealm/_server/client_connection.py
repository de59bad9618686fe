"""
One client's connection, before and after its login.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.banana import BananaError
from zope.interface import implementer

from pbrealm._addresses import format_address
from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._delivery.send_queue import SendQueue
from pbrealm._error_log import ErrorLog
from pbrealm._log_text import bounded_failure, log_text
from pbrealm._server.connection_limits import Place
from pbrealm._server.connection_logins import ConnectionLogins
from pbrealm._server.resumable_client import ResumableClient
from pbrealm._server.resumption import ResumptionMethods
from pbrealm._server.server_state import ServerState
from pbrealm._server.stats import ServerStats
from pbrealm._session.connection import ConnectedSession, Connection
from pbrealm._wire.answer_ages import AnswerAges
from pbrealm._wire.keepalive import Keepalive
from pbrealm._wire.taken_bytes import TakenBytes
from pbrealm.errors import LoginRefused, Reason, SessionEnded
from pbrealm.interfaces import ILoginClient

_ANSWER_BYTES = 512
"""
What the answer to a message counts for before the login; an error has about as many bytes.
"""

_MIN_CHUNK_BYTES = 64
"""
What a chunk of data counts for before the login at least: handling one costs the server more than
its bytes, and a client may send them one by one.
"""

_CLIENT_ERRORS = (BananaError, pb.ProtocolError, pb.Error, NotImplementedError)
"""What a client causes by sending what isn't valid."""

_log = Logger()


@implementer(ILoginClient)
class ClientConnection:
    """
    Keeps one client to the limits of the server.

    Without a login the client has little time and few bytes; with one it has more.

    @ivar place: that of the connection, or of the client that is away.
    @ivar logins: those of the client, from its first message on.
    @ivar pinged: whether the client was ever pinged.
    @ivar lost: whether the connection is lost.
    @ivar metered: whether there are limits on all that the client sends, and not on each message
        only.  The connection of a client whose session the server has ended is about to be
        closed, so what is under way until then isn't counted.
    @ivar may_only_log_in: whether the client can't call anything but what it logs in by.
    """

    __slots__ = (
        "__weakref__",
        "_broker",
        "_bytes_left",
        "_keepalive",
        "_on_lost",
        "_resumption",
        "_server",
        "logins",
        "lost",
        "may_only_log_in",
        "metered",
        "pinged",
        "place",
    )

    def __init__(
        self,
        server: ServerState,
        broker: QueuedBroker,
        place: Place,
    ) -> None:
        self._server = server
        self._broker = broker
        self.place = place
        self.logins = ConnectionLogins(server, self, self._login_timed_out)
        # What the client may still send without a login.
        self._bytes_left = server.limits.unauthenticated_bytes
        # None if it's turned off.
        self._keepalive: Keepalive | None = None
        self._on_lost: list[Deferred[None]] = []
        # Once the client has asked for it.
        self._resumption: ResumableClient | None = None
        self.pinged = False
        self.lost = False
        self.metered = True
        self.may_only_log_in = True

    @property
    def _connection(self) -> Connection:
        return Connection.of(self._broker)

    @property
    def clock(self) -> IReactorTime:
        """The server's clock."""
        return self._server.clock

    @property
    def errors(self) -> ErrorLog:
        """The log of the errors of the server's clients."""
        return self._server.errors

    @property
    def peer(self) -> IAddress | None:
        """The client's address."""
        return self._connection.peer

    @property
    def last_heard(self) -> float | None:
        """When the last sign of life came, by the clock; L{None} if the client isn't pinged."""
        return None if self._keepalive is None else self._keepalive.last_heard

    @property
    def transport(self) -> Any:
        """The transport of the connection."""
        return self._broker.transport

    # For the broker

    def connected(self) -> None:
        """The connection is made."""
        self._server.connections.add(self)
        self.meter_changed()
        self.logins_changed()
        self.logins.start_time()
        self.watch()

    def make_send_queue(self, transport: Any) -> SendQueue:
        """The send queue between the broker and its transport."""
        server = self._server
        return SendQueue(
            transport, server.backlog, server.clock, self._sign_of_life, self._too_slow
        )

    def received(self, count: int) -> None:
        """
        So many bytes have come.

        @raise LoginRefused: if the client has sent more than it may without a login.
        """
        self._sign_of_life()
        if self.metered:
            self._spend(max(count, _MIN_CHUNK_BYTES))

    def received_message(self) -> None:
        """
        A message that is to be answered has come from a client without a login.

        Answers count, too: with many short messages, a client that doesn't read would make the
        server keep far more bytes than it sends.

        @raise LoginRefused: if the client has asked for more than it may without a login.
        """
        self._spend(_ANSWER_BYTES)

    def _spend(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise LoginRefused("more was sent before the login than may be")

    def check_may_call(self) -> None:
        """
        The client calls something else than what it logs in by, or its session.

        @raise LoginRefused: before a login.
        @raise SessionEnded: if the server has ended the client's last session.
        """
        self.logins.counts.check_may_call()

    def misbehaved(self, why: Exception) -> None:
        """The client has sent something invalid or too large: abort the connection."""
        if self.lost:
            return
        text = log_text(why)
        peer = format_address(self.peer)
        if isinstance(why, _CLIENT_ERRORS):
            text = text or type(why).__name__
            _log.info("closing the connection from {peer}: {why}", peer=peer, why=text)
        else:
            # Most likely invalid input as well, but it may be a bug.
            _log.info(
                "closing the connection from {peer}: {kind}: {why}",
                peer=peer,
                kind=type(why).__name__,
                why=text,
                traceback=bounded_failure(Failure(why)).getTraceback(),
            )
        self._connection.abort()

    def disconnected(self) -> None:
        """The connection is lost."""
        if self.lost:
            return
        self.lost = True
        self._leave_server()
        self.stop()
        if self._resumption is not None:
            self._resumption.over()
        self.logins.cancel()

    def closed(self) -> None:
        """All that was to be told of the lost connection knows of it."""
        for lost in self._on_lost:
            lost.callback(None)

    # For the factory

    @property
    def sessions(self) -> Sequence[ConnectedSession]:
        """The sessions on this connection, also those whose login is pending."""
        return self._connection.sessions

    def close(self) -> Deferred[None]:
        """
        Close the connection.

        @return: fires when it is lost and nothing of it is left, and never fails.
        """
        lost: Deferred[None] = Deferred()
        self._on_lost.append(lost)
        if self._connection.away:
            # Where the server closes, nobody can come back.
            self._connection.abort()
        else:
            self._connection.close(self._server.clock)
        return lost

    def add_to(self, stats: ServerStats) -> None:
        """Add the figures of the connection to those of the server."""
        stats.add(self._broker)

    # For resumption

    @property
    def resumption(self) -> ResumableClient:
        """The client, as one that may come back."""
        if self._resumption is None:
            self._resumption = ResumableClient(self, self._broker, self._server)
        return self._resumption

    @property
    def resumption_methods(self) -> ResumptionMethods:
        """What clients call that come back."""
        return self._server.resumption_methods

    def stop(self) -> None:
        """The connection is lost, or not this one's any more."""
        self.place.leave()
        self.logins.stop_time()
        if self._keepalive is not None:
            self._keepalive.stop()

    def release(self) -> None:
        """Another one's client has come back by this connection, which is that one's now."""
        self.lost = True
        self._leave_server()
        self.stop()

    def _leave_server(self) -> None:
        self._server.connections.discard(self)
        self._server.carried.add(self._broker)

    def watch(self) -> None:
        """There is a connection: ping the client whenever it is silent."""
        limits = self._server.limits
        if limits.ping_interval:
            self._keepalive = Keepalive(
                self._server.clock,
                limits.ping_interval,
                limits.ping_timeout,
                self._ping,
                TakenBytes(self._broker.transport),
                self._found_dead,
            )

    # For its logins

    def authenticated_as(self, avatar_id: object) -> None:
        """A checker has accepted credentials of the client, and has given this avatar id."""
        if self._resumption is not None:
            self._resumption.authenticated(avatar_id)

    def logins_changed(self) -> None:
        """What the client may do may be another thing now."""
        server, counts = self._server, self.logins.counts
        # Attributes, since the broker asks for them with each message.
        self.metered = not counts.trusted and not counts.revoked
        self.may_only_log_in = counts.may_only_log_in
        self._broker.limits = server.unauthenticated if self.metered else server.logged_in
        self._broker.decodes_arguments = counts.trusted

    def meter_changed(self) -> None:
        """The server has another meter, or none."""
        broker, meter = self._broker, self._server.meter
        broker.meter = None if meter is None else meter.calls
        if meter is None:
            broker.answer_ages = None
        elif broker.answer_ages is None:
            broker.answer_ages = AnswerAges(self._server.clock, broker.waitingForAnswers or ())

    def limits_changed(self) -> None:
        """The server has other limits."""
        self.logins_changed()
        self.logins.limits_changed()
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None
        if not self._connection.away:
            self.watch()

    def logged_out(self) -> None:
        """The last login is over: the client may send as much as one that has just come."""
        self.logins_changed()
        if self._resumption is not None:
            self._resumption.no_session()
        self._bytes_left = self._server.limits.unauthenticated_bytes

    def drop(self) -> None:
        """
        Close the connection instead of answering.

        Clients take an error at the login for final, and a lost connection for a reason to come
        back later.
        """
        self._connection.close(self._server.clock)

    def _login_timed_out(self) -> None:
        self.misbehaved(LoginRefused("no login came in time"))

    # Liveness

    def _sign_of_life(self) -> None:
        if self._keepalive is not None:
            self._keepalive.last_heard = self._server.clock.seconds()

    def _too_slow(self) -> None:
        connection = self._connection
        if self.lost or connection.lost:
            return
        if not connection.sessions:
            self.misbehaved(SessionEnded(Reason.TOO_SLOW))
            return
        # Without what waits, there is room for the goodbye.
        self._broker.send_queue.clear()
        connection.end_sessions(Reason.TOO_SLOW)

    def _ping(self) -> None:
        self.pinged = True
        stream = self._broker.stream
        if stream is not None:
            stream.acknowledge_if_due()
        # Whatever the client answers is a sign of life, so nobody waits for just that.
        if not self._broker.send_ping():
            self._connection.ping(self._server.clock, self._server.limits.ping_timeout)

    def _found_dead(self) -> None:
        if self._keepalive is not None and self._broker.send_queue.reading_held:
            # It may have answered: what it sends isn't read just now.
            self._keepalive.go_on()
            return
        connection = self._connection
        _log.info("no answer from {peer}", peer=format_address(connection.peer))
        stream = self._broker.stream
        if stream is not None and stream.resumable:
            stream.detach()
            return
        connection.end_sessions(Reason.NO_ANSWER)
        connection.abort()
