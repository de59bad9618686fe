"""
One connection at the front door, from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from traceback import format_exception
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.banana import BananaError

from pbrealm._delivery.send_queue import SendQueue
from pbrealm._server.connection_limits import Entry, origin_of
from pbrealm._server.keepalive import Keepalive
from pbrealm._server.server_state import ServerState
from pbrealm._session.connection import Connection, format_address
from pbrealm._session.session import Session
from pbrealm._wire.broker import FastBroker
from pbrealm.errors import LoginRefused, PBRealmError, Reason, SessionEnded, TooManyConnections

_ANSWER = 512
"""Bytes that the answer to a stranger's message is taken to have: an error has about as many."""

_SAID = 200
"""Characters of what went wrong that are worth a place in the log; a client can choose them."""

_ITS_OWN_FAULT = (BananaError, pb.ProtocolError, pb.Error, NotImplementedError)

_log = Logger()


class ClientConnection:
    """
    A client: a stranger as long as it has no login, then a member, and a stranger again once its
    last login is over.

    A stranger has little time and few bytes; a member has more.

    @ivar alive: how many of its logins are alive; 0 for a stranger.
    """

    __slots__ = (
        "_allowance",
        "_broker",
        "_challenges",
        "_deadline",
        "_delays",
        "_ended",
        "_entry",
        "_gone",
        "_house",
        "_lost",
        "_origin",
        "_pending",
        "_refusals",
        "_watch",
        "alive",
    )

    def __init__(self, house: ServerState, entry: Entry, address: IAddress | None) -> None:
        """
        @param entry: what the door said.
        """
        self._house = house
        self._entry = entry
        self._origin = origin_of(address)
        self._broker: FastBroker | None = None
        self._allowance = house.limits.unauthenticated_bytes
        self._deadline: IDelayedCall | None = None
        self._watch: Keepalive | None = None
        self._delays: list[Deferred[None]] = []
        self._challenges = 0
        self._pending = 0
        self.alive = 0
        self._ended: Reason | None = None
        self._refusals = 0
        self._gone = False
        self._lost: list[Deferred[None]] = []

    # What the broker says

    def arrived(self, broker: FastBroker) -> None:
        """The connection is made."""
        self._broker = broker
        self._house.visitors.add(self)
        broker.limits = self._house.stranger
        self._start_deadline()
        limits = self._house.limits
        if limits.ping_interval:
            self._watch = Keepalive(
                self._house.clock,
                limits.ping_interval,
                limits.ping_timeout,
                self._ping,
                self._found_dead,
            )

    def make_send_queue(self, transport: Any) -> SendQueue:
        """What is to stand between the broker and its transport."""
        house = self._house
        return SendQueue(transport, house.backlog, house.clock, self._sign_of_life, self._too_slow)

    def heard(self, count: int) -> None:
        """
        So many bytes have come.

        @raise LoginRefused: if a stranger has sent more than it may.
        """
        self._sign_of_life()
        if not self.alive:
            self._spend(count)

    def understood(self) -> None:
        """
        A message of a stranger has come, which will be answered.

        The answer counts as well, or many short messages would make the server keep far more for
        a stranger who doesn't read than the stranger has sent.

        @raise LoginRefused: if it's more than a stranger may ask for.
        """
        self._spend(_ANSWER)

    def _spend(self, count: int) -> None:
        self._allowance -= count
        if self._allowance < 0:
            raise LoginRefused("more was sent before the login than may be")

    def check_call(self) -> None:
        """
        Something is called that isn't for strangers.

        @raise PBRealmError: before a login, and once the last one was ended from this side.  A
            client that lets go of its avatar by itself may go on with what it got from it.
        """
        if self.alive or self._pending or self._ended is Reason.LOGGED_OUT:
            return
        if self._ended is None:
            raise LoginRefused("there is nothing to call before the login")
        raise SessionEnded(self._ended)

    def misbehaved(self, why: Exception) -> None:
        """What came is no message, or too large: nothing more is expected from this client."""
        if self._gone:
            return
        if isinstance(why, _ITS_OWN_FAULT):
            _log.info(
                "closing the connection from {peer}: {why}",
                peer=format_address(self.peer),
                why=str(why)[:_SAID] or type(why).__name__,
            )
        else:
            # Most likely nonsense again, but perhaps it's ours.
            _log.info(
                "closing the connection from {peer}: {kind}: {why}",
                peer=format_address(self.peer),
                kind=type(why).__name__,
                why=str(why)[:_SAID],
                traceback="".join(format_exception(why)),
            )
        self._connection.abort()

    def left(self) -> None:
        """The connection is lost."""
        if self._gone:
            return
        self._gone = True
        self._house.visitors.discard(self)
        for lost in self._lost:
            lost.callback(None)
        self._house.door.leave(self._origin, self._entry)
        self._stop_deadline()
        if self._watch is not None:
            self._watch.stop()
        for delay in self._delays[:]:
            delay.cancel()

    # What the factory says

    @property
    def sessions(self) -> Sequence[Session]:
        """Those on this connection, also while their login is pending."""
        return tuple(self._connection.sessions)

    def dismiss(self) -> Deferred[None]:
        """
        Close the connection.

        @return: fires when it's lost, and never fails.
        """
        lost: Deferred[None] = Deferred()
        self._lost.append(lost)
        self._connection.close(self._house.clock)
        return lost

    # What the login desk says

    @property
    def closing(self) -> bool:
        """Whether nobody is let in any more."""
        return self._house.closed

    @property
    def peer(self) -> IAddress | None:
        return None if self._broker is None else Connection.of(self._broker).peer

    def challenged(self) -> None:
        """
        A challenge is about to be given out.

        @raise LoginRefused: if too many wait for their answers.
        """
        if self._challenges >= self._house.limits.logins:
            self._refused()
            raise LoginRefused("too many challenges wait for their answers")
        self._challenges += 1

    def answered(self) -> None:
        """A challenge has had its answer, right or wrong."""
        self._challenges -= 1

    def begin_login(self) -> None:
        """
        Take up one of the logins that this connection may have; then one of L{logged_in} and
        L{refused} follows.

        @raise LoginRefused: if it may have none.
        """
        limits = self._house.limits
        why: PBRealmError | None = None
        if self._house.closed:
            why = LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        elif self._entry is Entry.BE_TOLD:
            self._refusals = limits.login_attempts
            why = TooManyConnections("as many connections are open as may be")
        elif self._refusals >= limits.login_attempts:
            why = LoginRefused("too many logins on this connection were refused")
        elif self._pending + self.alive >= limits.logins:
            why = LoginRefused("as many logins are alive on this connection as may be")
        if why is not None:
            self._refused()
            raise why
        self._pending += 1
        # It's the server that takes its time now.
        self._stop_deadline()

    async def wait_for_turn(self, account: bytes) -> None:
        """
        Have an attempt wait as long as earlier ones have earned it.

        @raise SessionEnded: if the client leaves meanwhile.
        """
        house = self._house
        seconds = house.failures.delay(self._origin, account, house.clock.seconds())
        if not seconds:
            return
        delay: Deferred[None] = deferLater(house.clock, seconds)
        self._delays.append(delay)
        try:
            await delay
        except CancelledError:
            raise SessionEnded(Reason.DISCONNECTED) from None
        finally:
            self._delays.remove(delay)

    def wrong_password(self, account: bytes) -> None:
        """The portal doesn't know this account, or not with that password."""
        house = self._house
        house.failures.failed(self._origin, account, house.clock.seconds())

    def logged_in(self, account: bytes | None) -> None:
        """
        A login is about to be answered with a reference.

        @param account: L{None} for an anonymous login, which proves nothing.
        """
        if account is not None:
            self._house.failures.succeeded(self._origin, account)
            self._refusals = 0
        self._pending -= 1
        self.alive += 1
        if self._broker is not None:
            self._broker.limits = self._house.member

    def refused(self) -> None:
        """A login is about to be answered with an error."""
        self._pending -= 1
        self._refused()

    def logged_out(self, reason: Reason) -> None:
        """A login is over; the connection need not be."""
        self.alive -= 1
        self._ended = reason
        if self.alive or self._gone or self._broker is None:
            return
        self._broker.limits = self._house.stranger
        self._allowance = self._house.limits.unauthenticated_bytes
        self._start_deadline()

    def _refused(self) -> None:
        attempts = self._house.limits.login_attempts
        self._refusals = min(self._refusals + 1, attempts)
        if self._gone or self._pending or self.alive:
            return
        if self._refusals < attempts:
            self._start_deadline()
        else:
            # Not before what is about to be raised has been written.
            self._house.clock.callLater(0, self._connection.close, self._house.clock)

    # Time

    @property
    def _connection(self) -> Connection:
        if self._broker is None:
            raise AssertionError("nothing is asked of a connection before it's made")
        return Connection.of(self._broker)

    def _start_deadline(self) -> None:
        self._stop_deadline()
        seconds = self._house.limits.login_seconds
        if seconds and not self._pending and not self.alive:
            self._deadline = self._house.clock.callLater(seconds, self._time_is_up)

    def _stop_deadline(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()

    def _time_is_up(self) -> None:
        self.misbehaved(LoginRefused("no login came in time"))

    def _sign_of_life(self) -> None:
        if self._watch is not None:
            self._watch.heard = self._house.clock.seconds()

    def _too_slow(self) -> None:
        connection = self._connection
        if self._gone or connection.lost:
            return
        if not connection.sessions:
            self.misbehaved(SessionEnded(Reason.TOO_SLOW))
            return
        if self._broker is not None:
            # It wouldn't take this; perhaps it takes a goodbye.
            self._broker.transport.clear()
        connection.end_sessions(Reason.TOO_SLOW)

    def _ping(self) -> None:
        self._connection.ping(self._house.clock, self._house.limits.ping_timeout)

    def _found_dead(self) -> None:
        connection = self._connection
        _log.info("no answer from {peer}", peer=format_address(connection.peer))
        connection.end_sessions(Reason.NO_ANSWER)
        connection.abort()
