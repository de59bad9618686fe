"""
A stream of bytes that outlives its connection.

Each end keeps what it has written until the other has acknowledged it.  When the connection is
lost, the client connects again, and both tell each other how much they have received: then each
writes again what the other lacks.  So a message arrives once and in order, wherever the
connection was cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final, Protocol

from twisted.internet.error import ConnectionAborted, ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pbrealm._wire.immediate_write import unencrypted_descriptor, write_immediately

ACKNOWLEDGE_BYTES: Final = 32 * 1024
"""How many bytes are received at most until they are acknowledged."""

_PIECE_BYTES: Final = 8 * 1024
"""Messages that are shorter are kept together: each by itself would take several times as much."""

_FEW_BYTES: Final = 1024
"""How many bytes need not be acknowledged on a connection that has nothing else to send."""


class StreamOwner(Protocol):
    """
    What uses a stream: a broker.
    """

    def stream_received(self, data: bytes) -> object:
        """Bytes have come."""

    def acknowledge(self, count: int) -> object:
        """Tell the peer how many bytes of it were received in all."""

    def stream_away(self) -> object:
        """The connection is lost, and may be resumed."""

    def stream_over(self, why: Failure) -> object:
        """The connection is lost for good; called once."""


class ResumableStream:
    """
    Takes the place of a broker's transport.

    @ivar away: whether there is no connection at present.
    @ivar over: whether there will be none any more.
    @ivar begun: whether both ends have agreed that the connection may be resumed.
    @ivar received: how many bytes have come from the peer.
    @ivar sent: how many bytes were written to any connection.
    @ivar peer_handled: how many bytes the peer has handled in all, once the stream is over;
        L{None} if that isn't known.
    """

    def __init__(self, owner: StreamOwner, limit: int, protocol: Any, transport: Any) -> None:
        """
        The stream begins with what is written, and with what is received, from now on.

        @param limit: how many bytes that aren't acknowledged are kept.  With more than that the
            stream can't be resumed until they are acknowledged.
        @param protocol: that of the present connection; what it gets comes to this stream.
        @param transport: that of the present connection.
        """
        self._owner = owner
        self._limit = limit
        self._transport: Any = None
        # How many there were; what still comes by an earlier one isn't the stream's.
        self._connections = 0
        # How many bytes were written, and how many of these the peer has.
        self.written = 0
        self._acknowledged = 0
        # What was written last, up to all that isn't acknowledged.
        self._kept: deque[bytearray] = deque()
        self._kept_bytes = 0
        self.sent = 0
        self.peer_handled: int | None = None
        self.received = 0
        # How many the peer has been told of.
        self._told = 0
        self._producer: tuple[Any, bool] | None = None
        self._reading = True
        self._closing = False
        self.away = False
        self.over = False
        self.begun = False
        self._take_over(protocol, transport)

    def __repr__(self) -> str:
        state = "over" if self.over else "away" if self.away else "connected"
        return f"<ResumableStream {state}: {self.written} sent, {self.received} received>"

    def __getattr__(self, name: str) -> Any:
        # Also that of a connection that is lost: it knows its peer.
        return getattr(self._transport, name)

    def begin(self, received: int) -> None:
        """
        Both ends have agreed that the connection may be resumed.

        @param received: how many bytes of the stream have come by now.
        """
        self.begun = True
        self.received = received
        self._told = 0

    def forgo(self) -> None:
        """The peer doesn't agree."""
        self._limit = 0
        self._kept.clear()
        self._kept_bytes = 0

    # What the peer has and lacks

    @property
    def resumable(self) -> bool:
        """Whether all is kept that the peer may lack."""
        may_be = self.begun and not self.over and not self._closing
        return may_be and self._kept_from <= self._acknowledged

    @property
    def _kept_from(self) -> int:
        return self.written - self._kept_bytes

    def has_kept(self, count: int) -> bool:
        """Whether the stream can go on for a peer that has received so many bytes of it."""
        least = max(self._acknowledged, self._kept_from)
        return not self.over and least <= count <= self.written

    def acknowledged(self, count: int) -> None:
        """
        The peer has received so many bytes in all, or more.

        @raise ValueError: if there were not so many.
        """
        if not 0 <= count <= self.written:
            raise ValueError("not a number of bytes that the peer can have")
        # An acknowledgement that is sent again on a new connection comes after a greater number.
        self._acknowledged = max(self._acknowledged, count)
        kept = self._kept
        while kept and self._kept_from + len(kept[0]) <= count:
            self._kept_bytes -= len(kept.popleft())
        if kept and (more := count - self._kept_from) > 0:
            del kept[0][:more]
            self._kept_bytes -= more

    def was_handled(self, count: int) -> bool | None:
        """
        Whether the peer has handled so many bytes of a stream that is over; L{None} if that isn't
        known.
        """
        if self.peer_handled is not None:
            return count <= self.peer_handled
        return False if count > self.sent else None

    def acknowledge_if_due(self, least: int = _FEW_BYTES) -> None:
        """Tell the peer how much was received, if it's more than so many bytes since last time."""
        here = self.begun and not self.away and not self.over
        if here and self.received - self._told >= least:
            self._told = self.received
            self._owner.acknowledge(self.received)

    # The connections

    def _take_over(self, protocol: Any, transport: Any) -> None:
        self._transport = transport
        self._connections += 1
        number = self._connections

        def data_received(data: bytes) -> None:
            if number == self._connections:
                self._received(data)

        def connection_lost(why: Failure = connectionDone) -> None:
            if number == self._connections and not self.away:
                self._lost(why)

        # A transport looks them up each time.
        protocol.dataReceived = data_received
        protocol.connectionLost = connection_lost

    def _received(self, data: bytes) -> None:
        self.received += len(data)
        self._owner.stream_received(data)
        if self.received - self._told >= ACKNOWLEDGE_BYTES:
            self.acknowledge_if_due()

    def _lost(self, why: Failure) -> None:
        if not self.resumable:
            self._end(why)
            return
        self.away = True
        self._pause_producer()
        self._owner.stream_away()

    def detach(self) -> None:
        """The connection is found to be dead: do without it."""
        if not self.away and not self.over:
            transport = self._transport
            # What still comes by it isn't the stream's.
            self._connections += 1
            self._lost(Failure(ConnectionLost()))
            transport.abortConnection()

    def attach(self, protocol: Any, transport: Any, count: int) -> None:
        """
        Go on over another connection.

        @param protocol: that of the connection; what it gets comes to this stream.
        @param count: how many bytes the peer has received; L{has_kept} is true of them.
        """
        self.detach()
        if self.over:
            transport.loseConnection()
            return
        self.acknowledged(count)
        self._take_over(protocol, transport)
        self.away = False
        # The peer has been told of all.
        self._told = self.received
        if not self._reading:
            transport.pauseProducing()
        lacking = b"".join(self._kept)[count - self._kept_from :]
        if lacking:
            transport.write(lacking)
        self.sent = self.written
        if self._producer is not None:
            producer, streaming = self._producer
            self._register(producer, streaming)
            if streaming:
                producer.resumeProducing()
        elif self._closing:
            transport.loseConnection()

    def end(self) -> None:
        """Nobody comes back: end what is away."""
        if self.away:
            self._end(Failure(ConnectionLost()))

    def _end(self, why: Failure) -> None:
        if self.over:
            return
        self.over = True
        self.away = False
        self._kept.clear()
        self._kept_bytes = 0
        if self._producer is not None:
            self._producer[0].stopProducing()
        self._owner.stream_over(why)

    # As a transport

    def write(self, data: bytes) -> None:
        if self._keep(data):
            self._transport.write(data)

    def write_now(self, data: bytes) -> None:
        """Write to the socket at once, if that is possible."""
        if self._keep(data):
            transport = self._transport
            write_immediately(data, unencrypted_descriptor(transport), transport)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def _keep(self, data: bytes) -> bool:
        """
        @return: whether there is a connection to write to.
        """
        if self.over:
            return False
        self.written += len(data)
        kept = self._kept
        if kept and len(kept[-1]) < _PIECE_BYTES:
            kept[-1] += data
        else:
            kept.append(bytearray(data))
        self._kept_bytes += len(data)
        if self._kept_bytes > self._limit:
            self._kept.clear()
            self._kept_bytes = 0
            if self.away:
                self._end(Failure(ConnectionLost("more is to be sent than is kept")))
        if self.away or self.over:
            return False
        self.sent = self.written
        return True

    def loseConnection(self) -> None:
        self._closing = True
        if not self.away and not self.over:
            self._transport.loseConnection()

    def abortConnection(self) -> None:
        self._closing = True
        if self.away:
            self._end(Failure(ConnectionAborted()))
        elif not self.over:
            self._transport.abortConnection()

    def pauseProducing(self) -> None:
        self._reading = False
        if not self.away and not self.over:
            self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._reading = True
        if not self.away and not self.over:
            self._transport.resumeProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer, streaming
        if not self.away and not self.over:
            self._register(producer, streaming)

    def unregisterProducer(self) -> None:
        self._producer = None
        if not self.away and not self.over:
            self._transport.unregisterProducer()

    def _register(self, producer: Any, streaming: bool) -> None:
        self._transport.registerProducer(_Producer(producer), streaming)

    def _pause_producer(self) -> None:
        if self._producer is not None and self._producer[1]:
            self._producer[0].pauseProducing()


@implementer(IPushProducer)
class _Producer:
    """
    Stands for the producer of a stream at the transport of one connection.

    With the connection, that doesn't stop.
    """

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    def pauseProducing(self) -> None:
        self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost; the stream is told that by its protocol."""
