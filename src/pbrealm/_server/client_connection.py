"""
One client's connection, before and after its login.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
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
from pbrealm._server.connection_limits import Admission, Place, network_of
from pbrealm._server.login_rate import LoginRate
from pbrealm._server.login_state import Logins, PendingLogin
from pbrealm._server.login_timeout import LoginTimeout
from pbrealm._server.resumable_client import ResumableClient
from pbrealm._server.resumption import ResumptionMethods
from pbrealm._server.server_state import ServerState
from pbrealm._server.throttled_attempt import ThrottledAttempt
from pbrealm._session.connection import ConnectedSession, Connection
from pbrealm._wire.keepalive import Keepalive
from pbrealm._wire.taken_bytes import TakenBytes
from pbrealm.errors import LoginRefused, Reason, SessionEnded, TooManyConnections
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

_T = TypeVar("_T")

_log = Logger()


@implementer(ILoginClient)
class ClientConnection:
    """
    Keeps one client to the limits of the server.

    Without a login the client has little time and few bytes; with one it has more.

    @ivar place: that of the connection, or of the client that is away.
    @ivar logins: how many there are, and what that allows.
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
        "_login_rate",
        "_login_timeout",
        "_on_lost",
        "_resumption",
        "_server",
        "_waits",
        "logins",
        "lost",
        "may_only_log_in",
        "metered",
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
        self.logins = Logins(server.limits)
        self._login_rate = LoginRate(server.clock.seconds())
        # What the client may still send without a login.
        self._bytes_left = server.limits.unauthenticated_bytes
        self._login_timeout = LoginTimeout(
            server.clock, server.limits.login_seconds, self._login_timed_out
        )
        # None if it's turned off.
        self._keepalive: Keepalive | None = None
        # What logins wait for before the portal is asked: cancelled if the client leaves.
        self._waits: list[Deferred[Any]] = []
        self._on_lost: list[Deferred[None]] = []
        # Once the client has asked for it.
        self._resumption: ResumableClient | None = None
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
    def transport(self) -> Any:
        """The transport of the connection."""
        return self._broker.transport

    # For the broker

    def connected(self) -> None:
        """The connection is made."""
        self._server.connections.add(self)
        self._apply_limits()
        self._start_login_timeout()
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
        self.logins.check_may_call()

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
        self._server.connections.discard(self)
        self.stop()
        if self._resumption is not None:
            self._resumption.over()
        for awaited in self._waits[:]:
            awaited.cancel()

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
        self._login_timeout.stop()
        if self._keepalive is not None:
            self._keepalive.stop()

    def release(self) -> None:
        """Another one's client has come back by this connection, which is that one's now."""
        self.lost = True
        self._server.connections.discard(self)
        self.stop()

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

    # For logins

    @property
    def closing(self) -> bool:
        """Whether the server accepts no more logins."""
        return self._server.closing

    def begin_challenge(self) -> None:
        """
        A challenge is about to be given out.

        @raise LoginRefused: if too many challenges wait for their response.
        """
        try:
            self.logins.begin_challenge()
        except LoginRefused:
            self.count_refusal()
            raise

    def end_challenge(self) -> None:
        """A challenge was responded to, or dropped."""
        self.logins.end_challenge()

    def check_not_revoked(self) -> None:
        """
        Check that the connection isn't about to be closed.

        @raise SessionEnded: if the server has ended the client's last session.
        """
        self.logins.check_not_revoked()

    def check_not_exhausted(self) -> None:
        """
        Check that the client may try to log in.

        @raise LoginRefused: if as many logins were refused as may be.
        """
        self.logins.check_not_exhausted()

    def count_refusal(self) -> None:
        """A login was refused before it was begun."""
        self.logins.refuse()
        self._after_refusal()

    def begin_login(self) -> PendingLogin:
        """
        A login begins; one of L{logged_in}, L{refused} and L{suspended} follows.

        @raise LoginRefused: if the client may not log in, or not again.
        @raise SessionEnded: if the connection is about to be closed.
        """
        try:
            login = self._begin_login()
        except LoginRefused:
            self.count_refusal()
            raise
        # From now on it is the server that takes its time.
        self._login_timeout.stop()
        return login

    def _begin_login(self) -> PendingLogin:
        if self._server.closing:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if self.place.admission is Admission.EXPLAINED:
            self.logins.refuse(finally_=True)
            raise TooManyConnections("as many connections are open as may be")
        # What is refused for good isn't told to come back.
        self.logins.check_not_exhausted()
        self._login_rate.begin(self._server.clock.seconds())
        return self.logins.begin()

    def count_login(self, login: PendingLogin, *, guest: bool) -> None:
        """
        The portal is about to be asked for a login.

        Guests are counted by their network, of which one client may have many addresses.  Others
        are counted by their address, so that no guest keeps out who has an account elsewhere in
        the network.

        @raise LoginRefused: if too many logins come from there, or too much waits for unsaved
            changes; it isn't journaled, since what is bounded is the journal above all.
        """
        origin = network_of(self.place.origin) if guest else self.place.origin
        try:
            if self._server.held.is_full:
                raise LoginRefused("too much waits to be saved; try again later", Reason.BUSY)
            self._server.login_rates.begin(origin, self._server.clock.seconds())
        except LoginRefused:
            self.refused(login)
            raise

    def authenticated(self, login: PendingLogin, avatar_id: object) -> None:
        """
        A checker has accepted the credentials of a login; its avatar may take some time.

        @param avatar_id: as the checker gave it.
        """
        self.logins.authenticate(login)
        self._apply_limits()
        if self._resumption is not None:
            self._resumption.authenticated(avatar_id)

    async def wait(self, awaited: Deferred[_T]) -> _T:
        """
        Wait for a login method.

        @raise SessionEnded: if the client leaves meanwhile; what is waited for is cancelled then.
        """
        self._waits.append(awaited)
        try:
            return await awaited
        except CancelledError:
            if not self.lost:
                raise
            raise SessionEnded(Reason.DISCONNECTED) from None
        finally:
            self._waits.remove(awaited)

    def attempt(self, login: PendingLogin, account: bytes | None) -> ThrottledAttempt:
        """
        The context to check the credentials of a login in.

        @param account: its name; L{None} if it isn't known yet.
        """
        attempt = ThrottledAttempt(self._server, self.place.origin, account, self._waits)
        login.on_authenticated = attempt.leave
        return attempt

    def logged_in(self, login: PendingLogin, *, forgive: bool) -> None:
        """
        A login has succeeded.

        @param forgive: whether earlier refusals don't count any more; not for an anonymous login,
            which doesn't vouch for the client.
        """
        self.logins.succeeded(login, forgive=forgive)
        if self.metered:
            self._apply_limits()

    def suspended(self, login: PendingLogin) -> None:
        """
        It is the client's turn again, in a login that was begun.

        It has the time that was left before, or challenges would give it more and more.
        """
        self.logins.suspended(login)
        self._apply_limits()
        if not self.lost:
            self._resume_login_timeout()

    def refused(self, login: PendingLogin) -> None:
        """A login has failed."""
        self.logins.failed(login)
        self._apply_limits()
        self._after_refusal()

    def logged_out(self, reason: Reason) -> None:
        """A login is over; the connection need not be."""
        self.logins.ended(reason)
        if self.logins.alive or self.lost:
            return
        self._apply_limits()
        self._bytes_left = self._server.limits.unauthenticated_bytes
        self._start_login_timeout()

    def drop(self) -> None:
        """
        Close the connection instead of answering.

        Clients take an error at the login for final, and a lost connection for a reason to come
        back later.
        """
        self._connection.close(self._server.clock)

    def _apply_limits(self) -> None:
        server = self._server
        logins = self.logins
        # Attributes, since the broker asks for them with each message.
        self.metered = not logins.trusted and not logins.revoked
        self.may_only_log_in = logins.may_only_log_in
        self._broker.limits = server.unauthenticated if self.metered else server.logged_in
        self._broker.decodes_arguments = logins.trusted

    def _after_refusal(self) -> None:
        if self.lost or not self.logins.idle:
            return
        if self.logins.exhausted or self.logins.revoked:
            # The error that is about to be raised is to be written before.
            self._server.clock.callLater(0, self._connection.close, self._server.clock)
        else:
            self._resume_login_timeout()

    # Time

    def _start_login_timeout(self) -> None:
        if self.logins.idle:
            self._login_timeout.start()

    def _resume_login_timeout(self) -> None:
        if self.logins.idle:
            self._login_timeout.resume()

    def _login_timed_out(self) -> None:
        self.misbehaved(LoginRefused("no login came in time"))

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
