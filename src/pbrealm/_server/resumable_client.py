"""
A client that may lose its connection and come back.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pbrealm._server.resumption import Handover, ResumptionEnded, Resumptions
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm.errors import Reason


class AwayConnection(Protocol):
    """What a resumable client asks of its connection."""

    @property
    def ended_for(self) -> Reason:
        """Why its last session has ended."""

    def returned(self, connection: Any) -> object:
        """The client is back, by way of another connection, whose place this one takes."""

    def resumed(self) -> object:
        """The stream goes on."""


class ResumableClient:
    """
    Keeps the sessions of one client while it is away.

    @ivar stream: what it sends and gets, once L{begin} was answered.
    """

    __slots__ = ("_away", "_clock", "_connection", "_name", "_resumptions", "_seconds", "stream")

    stream: ResumableStream

    def __init__(
        self,
        resumptions: Resumptions,
        clock: IReactorTime,
        seconds: float,
        connection: AwayConnection,
    ) -> None:
        """
        @param seconds: that it has to come back.
        """
        self._resumptions = resumptions
        self._clock = clock
        self._seconds = seconds
        self._connection = connection
        self._name = b""
        # Runs while it is away.
        self._away: IDelayedCall | None = None

    def begin(self) -> tuple[bytes, bytes, bytes]:
        """
        @return: the id by which the client comes back, a token, and the seconds that it has.
        """
        self._name, token = self._resumptions.add(self)
        return self._name, token, b"%d" % ceil(self._seconds)

    def went_away(self) -> None:
        """The connection is lost."""
        self._away = self._clock.callLater(self._seconds, self.stream.end)

    def over(self) -> None:
        """It is lost for good."""
        self._returned()
        self._resumptions.remove(self._name, self._connection.ended_for)

    def _returned(self) -> None:
        away, self._away = self._away, None
        if away is not None and away.active():
            away.cancel()

    # For the table

    @property
    def stream_received(self) -> int:
        """How many bytes of the client were received."""
        return self.stream.received

    def resume(self, connection: Any, received: int) -> Handover:
        """
        The client is back.

        @param connection: the L{ClientConnection} that it comes back by.
        @param received: how many bytes of the stream it has received.
        @raise ResumptionEnded: if what it lacks isn't kept any more.
        """
        stream = self.stream
        if stream.has_kept(received):
            stream.acknowledged(received)
        else:
            stream.abortConnection()
        # The connection that it had may not be lost yet, as far as this end knows.
        stream.detach()
        if stream.over:
            raise ResumptionEnded(self._connection.ended_for, stream.received)
        token = self._resumptions.next_token(self._name)

        def hand_over() -> None:
            protocol, transport = connection.release()
            self._returned()
            self._connection.returned(connection)
            stream.attach(protocol, transport, received)
            self._connection.resumed()

        return Handover((b"resumed", token, b"%d" % stream.received), hand_over)
