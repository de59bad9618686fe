"""
The clients of the random events, in the process of the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.spread import banana, pb

INVALID_BYTES = [
    # Each is complete: the effect of an unfinished message would depend on the bytes after it,
    # which contain challenges and numbers of failures.  The fuzzer sends the others.  None asks
    # for an answer, which a plain client could not read.
    b"\xff",
    b"\x01" * 70,
    b"\x01\x80" * 300,
    *map(
        banana.encode,
        (
            [],
            [b"nonsense", 1],
            [b"decref", 10**6],
            [b"decref", b"root"],
            [b"answer", 10**6, 1],
            [b"message", 1, b"nobody", b"x", 0, [b"tuple"], [b"dictionary"]],
            [b"message", 1, b"root", b"x", 0, [b"set", [b"list"]], [b"dictionary"]],
        ),
    ),
]


class Mind(pb.Referenceable):
    """
    A mind that answers each call, fails it, or never answers.
    """

    def __init__(self, behaviour: str) -> None:
        """
        @param behaviour: C{"answers"}, C{"fails"} or C{"stalls"}.
        """
        self.behaviour = behaviour

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        broker.unserialize(args)
        if self.behaviour == "fails":
            raise pb.Error("no")
        return broker.serialize(Deferred() if self.behaviour == "stalls" else None)


class CountedTransport:
    """
    Counts the bytes that a TCP transport sends and receives.

    The kernel does not tell how many bytes are on their way; on a loaded machine they are late
    even on the loopback interface.

    @ivar sent: how many bytes the kernel has accepted.
    @ivar received: how many bytes the protocol has received.
    """

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.sent = self.received = 0
        self._write = transport.writeSomeData
        self._read = transport._dataReceived
        transport.writeSomeData = self._count_sent
        transport._dataReceived = self._count_received

    def _count_sent(self, data: bytes) -> int | Exception:
        written: int | Exception = self._write(data)
        if isinstance(written, int) and written > 0:
            self.sent += written
        return written

    def _count_received(self, data: bytes) -> Any:
        self.received += len(data)
        return self._read(data)

    @property
    def closing(self) -> bool:
        """Whether this end has closed the connection, or is about to."""
        return bool(self.transport.disconnecting or self.transport.disconnected)

    @property
    def has_sent_all(self) -> bool:
        """Whether the kernel has accepted all that was written."""
        return self.transport not in reactor.getWriters()


def count_bytes(broker: Any, connected: Callable[[Any], object] | None = None) -> Any:
    """
    Give a broker the attribute C{counted}, with the L{CountedTransport} of its socket.

    @param connected: called with the broker when it is connected.
    @return: the broker.
    """
    make_connection = broker.makeConnection

    def makeConnection(transport: Any) -> None:
        # The broker's own transport may be a wrapper of the socket's.
        broker.counted = CountedTransport(transport)
        make_connection(transport)
        if connected is not None:
            connected(broker)

    broker.makeConnection = makeConnection
    return broker


class CountingClientFactory(pb.PBClientFactory):
    """
    A plain client's factory, whose brokers count their bytes.
    """

    def buildProtocol(self, addr: Any) -> Any:
        broker = count_bytes(super().buildProtocol(addr))
        # An endpoint does not tell the factory, and an early login would wait forever.
        lost = Failure(ConnectionLost())
        broker.notifyOnDisconnect(lambda: self.clientConnectionLost(None, lost))
        return broker


class Client:
    """
    A plain client and the server's end of its connection.

    @ivar number: tells the client from others in the log.
    @ivar broker: the client's broker.
    @ivar factory: the client's factory.
    @ivar references: the perspectives that the client holds.
    @ivar reading: whether the client reads.
    """

    def __init__(
        self, number: int, broker: Any, factory: CountingClientFactory, server_broker: Any
    ) -> None:
        self.number = number
        self.broker = broker
        self.factory = factory
        self.references: list[pb.RemoteReference] = []
        self.reading = True
        self._server_broker = server_broker

    def set_reading(self, reading: bool) -> None:
        """Let the client read, or stop it from reading."""
        self.reading = reading
        transport = self.broker.counted.transport
        (transport.resumeProducing if reading else transport.pauseProducing)()

    @property
    def disconnected(self) -> bool:
        """Whether the client's broker has lost its connection."""
        return bool(self.broker.disconnected)

    @property
    def closing(self) -> bool:
        """Whether the client has lost its connection, or is about to close it."""
        return self.disconnected or self.broker.counted.closing

    def has_delivered(self, to_server: bool) -> bool:
        """
        Whether all bytes of one direction have arrived, or will not arrive any more.

        @param to_server: the direction: from the client to the server, or back.
        """
        client, server = self.broker, self._server_broker
        if client.disconnected or server.disconnected:
            return True
        if client.counted.closing or server.counted.closing:
            return True
        if not to_server and not self.reading:
            return True
        sender, receiver = (client, server) if to_server else (server, client)
        return bool(
            sender.counted.has_sent_all and sender.counted.sent == receiver.counted.received
        )

    @property
    def idle(self) -> bool:
        """Whether all bytes have arrived, and both ends know of a closed connection."""
        client, server = self.broker, self._server_broker
        if client.disconnected:
            return bool(server.disconnected)
        if server.disconnected:
            # A client that does not read notices this at a time that the kernel chooses.
            self.set_reading(True)
            return False
        if client.counted.closing or server.counted.closing:
            return False
        return self.has_delivered(to_server=True) and self.has_delivered(to_server=False)

    def __repr__(self) -> str:
        ends = [
            f"sent {broker.counted.sent}, received {broker.counted.received}"
            + (", closing" if broker.counted.closing else "")
            + (", disconnected" if broker.disconnected else "")
            for broker in (self.broker, self._server_broker)
        ]
        return f"<client {self.number}: {ends[0]}; server: {ends[1]}>"
