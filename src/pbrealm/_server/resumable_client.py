"""
A client that may lose its connection and come back.
"""

from __future__ import annotations

import itertools
from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from pbrealm._avatar_ids import avatar_id_from
from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._server.connection_limits import Admission, Place
from pbrealm._server.connection_logins import ConnectionLogins
from pbrealm._server.resumption import Handover, ResumptionEnded
from pbrealm._server.server_state import ServerState
from pbrealm._session.connection import Connection
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm.errors import LoginRefused, Reason, TooManyConnections

_numbers = itertools.count(1)


class ResumableConnection(Protocol):
    """
    What this asks of the connection of its client.

    @ivar place: that of the connection, or of the client that is away.
    @ivar logins: those of the connection.
    @ivar pinged: whether the client was ever pinged: an answer may be under way.
    """

    pinged: bool
    place: Place
    logins: ConnectionLogins

    @property
    def lost(self) -> bool:
        """Whether the connection is lost for good, or another one's."""

    def stop(self) -> object:
        """The connection is lost, or not this one's any more: leave its place, stop all timers."""

    def release(self) -> object:
        """The connection is another one's from now on."""

    def watch(self) -> object:
        """There is a connection again: see to it that it is alive."""


class ResumableClient:
    """
    One client: who it is among those of its account, and its return to its sessions.

    @ivar number: grows with each client that tells who it is.
    @ivar stream: what it sends and gets, once it may come back.
    """

    __slots__ = (
        "_avatar_ids",
        "_away",
        "_broker",
        "_client_id",
        "_connection",
        "_handled",
        "_name",
        "_server",
        "number",
        "stream",
    )

    def __init__(
        self, connection: ResumableConnection, broker: QueuedBroker, server: ServerState
    ) -> None:
        self._connection = connection
        self._broker = broker
        self._server = server
        # Once the client has told who it is, and those of its logins.
        self._client_id: bytes | None = None
        self._avatar_ids: tuple[str, ...] = ()
        self.number = 0
        # How much was handled when the last session had ended.
        self._handled: int | None = None
        # By which it comes back.
        self._name = b""
        # Runs while it is away.
        self._away: IDelayedCall | None = None
        self.stream: ResumableStream | None = None

    @property
    def _sessions(self) -> Connection:
        return Connection.of(self._broker)

    # Who it is

    def identify(self, client_id: bytes) -> None:
        """
        Note who the client is among those of its account.

        @raise LoginRefused: if there has been a login, or this has been called before.
        """
        if self._client_id is not None or not self._connection.logins.counts.fresh:
            raise LoginRefused("a client is identified once, before its login")
        self._client_id = client_id
        self.number = next(_numbers)

    def authenticated(self, avatar_id: object) -> None:
        """
        A checker has accepted the credentials of a login: the client takes its own earlier place.

        @param avatar_id: as the checker gave it; an anonymous login has no earlier place.
        """
        self._handled = None
        if self._client_id is None or not isinstance(avatar_id, (str, bytes)):
            return
        if self._connection.lost:
            # The checker has taken long.
            return
        avatar_id = avatar_id_from(avatar_id)
        if avatar_id not in self._avatar_ids:
            self._avatar_ids += (avatar_id,)
        earlier = self._server.resumptions.take_place(avatar_id, self._client_id, self)
        if earlier is not None:
            earlier.replaced()

    def replaced(self) -> None:
        """The same client has logged in by another connection."""
        self._sessions.end_sessions(Reason.REPLACED)

    # Its return

    def begin(self) -> Handover:
        """
        The client may come back, if it loses the connection from now on.

        @return: what it is answered: the id by which it comes back, a token, and the seconds that
            it has.
        @raise LoginRefused: if that isn't possible just now.
        """
        alive = self._connection.logins.counts.alive
        if self._name or not alive or not self._broker.send_queue.is_at_rest:
            raise LoginRefused("only a connection with a login can be made resumable, and once")
        limits = self._server.limits
        self._name, token = self._server.resumptions.add(self)

        def begin() -> None:
            self.stream = self._broker.begin_stream(limits.resume_bytes)
            self._broker.stream_begun(self.stream)

        return Handover((self._name, token, b"%d" % ceil(limits.resume_seconds)), begin)

    def check_may_resume(self) -> None:
        """
        Check that another client may come back by this connection.

        @raise LoginRefused: if it may not.
        """
        server, place = self._server, self._connection.place
        if server.closing:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if place.admission is not Admission.ACCEPTED:
            # Also where its address has too many: among them may be one that it has lost.
            raise TooManyConnections("as many connections are open as may be", Reason.BUSY)
        broker = self._broker
        at_rest = broker.send_queue.is_at_rest and not broker.buffer
        if not self._connection.logins.counts.fresh or not at_rest:
            raise LoginRefused("only a new connection can take the place of another")
        if self._connection.pinged:
            # The answer would count as what the client sends next.
            raise LoginRefused("the connection is too old to resume by; try again", Reason.BUSY)
        # As a login it is journaled, and costs as much.
        server.login_rates.begin(place.origin, server.clock.seconds())

    def resume(self, by: ResumableClient, received: int) -> Handover:
        """
        The client is back.

        @param by: that of the new connection.
        @param received: how many bytes of the stream the client has received.
        @raise ResumptionEnded: if what it lacks isn't kept any more.
        """
        stream = self.stream
        if stream is None:
            raise LoginRefused("the session can't be resumed yet", Reason.BUSY)
        self._connection.logins.count_return()
        if stream.has_kept(received):
            stream.acknowledged(received)
        else:
            stream.abortConnection()
        # The connection that it had may not be lost yet, as far as this end knows.
        stream.detach()
        if stream.over:
            raise ResumptionEnded(self._connection.logins.counts.ended_for, self.handled)
        token = self._server.resumptions.next_token(self._name)

        def hand_over() -> None:
            by._connection.release()
            self._returned(by._connection.place)
            broker = by._broker
            stream.attach(broker, broker.send_queue.release_transport(), received)
            self._sessions.away_changed()

        return Handover((b"resumed", token, b"%d" % stream.received), hand_over)

    def went_away(self) -> None:
        """The connection is lost, and the client may come back."""
        server, connection, stream = self._server, self._connection, self.stream
        assert stream is not None
        connection.stop()
        connection.place = Place(server.away, connection.place.origin)
        self._away = server.clock.callLater(server.limits.resume_seconds, stream.end)
        here = connection.place.admission is Admission.ACCEPTED
        # An unfinished message is kept whole meanwhile.
        too_much = len(self._broker.buffer) > server.limits.resume_bytes
        if not here or too_much or server.closing or not connection.logins.counts.alive:
            stream.end()
        else:
            self._sessions.away_changed()

    def _returned(self, place: Place) -> None:
        self._stop_waiting()
        self._connection.place.leave()
        self._connection.place = Place(self._server.counter, place.origin)
        self._connection.watch()

    def _stop_waiting(self) -> None:
        away, self._away = self._away, None
        if away is not None and away.active():
            away.cancel()

    def over(self) -> None:
        """The connection is lost for good."""
        self._stop_waiting()
        resumptions = self._server.resumptions
        for avatar_id in self._avatar_ids:
            resumptions.leave_place(avatar_id, self._client_id, self)
        if self._name:
            resumptions.remove(self._name, self._connection.logins.counts.ended_for)

    # For the table

    def no_session(self) -> None:
        """The last session has ended: what comes after this isn't run."""
        self._handled = self._broker.handled

    @property
    def handled(self) -> int:
        """How many bytes of the client were handled, while there was a session."""
        return self._broker.handled if self._handled is None else self._handled
