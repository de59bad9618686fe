"""
A stream of bytes over one connection after another.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire import resumable_stream
from pbrealm._wire.resumable_stream import ACKNOWLEDGE_BYTES, ResumableStream

LIMIT = 100


class Owner:
    """
    Notes what it is told.
    """

    def __init__(self) -> None:
        self.data = b""
        self.acknowledged: list[int] = []
        self.away = 0
        self.over: list[Failure] = []

    def stream_received(self, data: bytes) -> None:
        self.data += data

    def acknowledge(self, count: int) -> None:
        self.acknowledged.append(count)

    def stream_away(self) -> None:
        self.away += 1

    def stream_over(self, why: Failure) -> None:
        self.over.append(why)


class Producer:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class StreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.owner = Owner()
        self.protocol: Any
        self.protocol, self.transport = self.connection()
        self.stream = ResumableStream(self.owner, LIMIT, self.protocol, self.transport)
        self.stream.begin(0)

    def connection(self) -> tuple[Any, Any]:
        transport: Any = StringTransport()
        transport.abortConnection = lambda: None
        return Protocol(), transport

    def lose(self, protocol: Any = None) -> None:
        (protocol or self.protocol).connectionLost(Failure(ConnectionLost()))

    def attach(self, count: int) -> Any:
        """Go on over a new connection, whose peer has so many bytes."""
        self.protocol, self.transport = self.connection()
        self.stream.attach(self.protocol, self.transport, count)
        return self.transport.value()

    def test_transparent(self) -> None:
        self.stream.write(b"a")
        self.stream.writeSequence([b"b", b"c"])
        self.stream.write_now(b"d")
        self.protocol.dataReceived(b"e")
        self.assertEqual((self.transport.value(), self.owner.data), (b"abcd", b"e"))

    def test_sent_again(self) -> None:
        """From each byte on that the peer may have got to."""
        for data in (b"ab", b"c", b"def"):
            self.stream.write(data)
        for count in range(7):
            self.lose()
            self.assertEqual(self.attach(count), b"abcdef"[count:])

    def test_written_while_away(self) -> None:
        self.stream.write(b"a")
        self.lose()
        self.stream.write(b"b")
        self.assertEqual(self.transport.value(), b"a")
        self.assertEqual(self.attach(1), b"b")
        self.stream.write(b"c")
        self.assertEqual(self.transport.value(), b"bc")

    def test_acknowledged(self) -> None:
        self.patch(resumable_stream, "_PIECE_BYTES", 1)
        for data in (b"ab", b"cd", b"ef"):
            self.stream.write(data)
        self.stream.acknowledged(3)
        self.assertEqual(b"".join(self.stream._kept), b"def")
        self.lose()
        self.assertFalse(self.stream.has_kept(2))
        self.assertFalse(self.stream.has_kept(7))
        self.assertEqual(self.attach(3), b"def")

    def test_short_messages(self) -> None:
        """They are kept together."""
        for _ in range(LIMIT):
            self.stream.write(b"a")
        self.assertEqual(len(self.stream._kept), 1)

    def test_not_acknowledgeable(self) -> None:
        self.stream.write(b"ab")
        self.stream.acknowledged(1)
        for count in (3, -1):
            self.assertRaises(ValueError, self.stream.acknowledged, count)

    def test_acknowledged_late(self) -> None:
        """On a new connection, an acknowledgement is sent again after more is known."""
        self.stream.write(b"ab")
        self.lose()
        self.attach(2)
        self.stream.acknowledged(1)
        self.assertTrue(self.stream.has_kept(2))
        self.assertFalse(self.stream.has_kept(1))

    def test_too_much(self) -> None:
        """With more than is kept, it can't be resumed until that is acknowledged."""
        self.stream.write(b"a" * LIMIT)
        self.assertTrue(self.stream.resumable)
        self.stream.write(b"b")
        self.assertFalse(self.stream.resumable)
        self.stream.write(b"c")
        self.stream.acknowledged(LIMIT)
        self.assertFalse(self.stream.resumable)
        self.stream.acknowledged(LIMIT + 1)
        self.assertTrue(self.stream.resumable)
        self.lose()
        self.assertEqual(self.attach(LIMIT + 1), b"c")

    def test_lost_with_too_much(self) -> None:
        self.stream.write(b"a" * (LIMIT + 1))
        self.lose()
        self.assertEqual((self.owner.away, len(self.owner.over)), (0, 1))

    def test_too_much_while_away(self) -> None:
        self.lose()
        self.stream.write(b"a" * (LIMIT + 1))
        self.assertEqual(len(self.owner.over), 1)
        self.stream.write(b"a")
        self.assertFalse(self.stream._kept)

    def test_acknowledges(self) -> None:
        self.protocol.dataReceived(b"x" * (ACKNOWLEDGE_BYTES - 1))
        self.assertEqual(self.owner.acknowledged, [])
        self.protocol.dataReceived(b"x")
        self.assertEqual(self.owner.acknowledged, [ACKNOWLEDGE_BYTES])
        self.protocol.dataReceived(b"x" * 10)
        self.stream.acknowledge_if_due()
        self.assertEqual(len(self.owner.acknowledged), 1)
        self.protocol.dataReceived(b"x" * 1100)
        self.stream.acknowledge_if_due()
        self.assertEqual(len(self.owner.acknowledged), 2)

    def test_stale_connection(self) -> None:
        """What still comes by an earlier connection is not the stream's."""
        earlier = self.protocol
        self.attach(0)
        earlier.dataReceived(b"x")
        self.lose(earlier)
        self.assertEqual((self.owner.data, self.stream.away), (b"", False))
        self.protocol.dataReceived(b"y")
        self.assertEqual(self.owner.data, b"y")

    def test_detach(self) -> None:
        aborted: list[None] = []
        self.transport.abortConnection = lambda: aborted.append(None)
        self.stream.detach()
        self.stream.detach()
        self.assertEqual((self.owner.away, len(aborted)), (1, 1))
        self.lose()
        self.assertEqual(self.owner.away, 1)

    def test_not_begun(self) -> None:
        """As long as the peer hasn't agreed, a lost connection is the end."""
        protocol, transport = self.connection()
        stream = ResumableStream(self.owner, LIMIT, protocol, transport)
        protocol.dataReceived(b"x" * 2 * ACKNOWLEDGE_BYTES)
        self.assertEqual(self.owner.acknowledged, [])
        self.lose(protocol)
        self.assertTrue(stream.over)

    def test_forgo(self) -> None:
        self.stream.write(b"a")
        self.stream.forgo()
        self.stream.write(b"b")
        self.assertEqual((self.transport.value(), len(self.stream._kept)), (b"ab", 0))

    def test_close(self) -> None:
        self.stream.loseConnection()
        self.assertTrue(self.transport.disconnecting)
        self.lose()
        self.assertEqual(len(self.owner.over), 1)

    def test_close_while_away(self) -> None:
        """What was written before still arrives, if the peer comes back."""
        self.lose()
        self.stream.write(b"a")
        self.stream.loseConnection()
        self.assertEqual(self.attach(0), b"a")
        self.assertTrue(self.transport.disconnecting)

    def test_abort_while_away(self) -> None:
        self.lose()
        self.stream.abortConnection()
        self.assertEqual(len(self.owner.over), 1)
        self.stream.abortConnection()
        self.stream.end()
        self.assertEqual(len(self.owner.over), 1)

    def test_peer(self) -> None:
        """It is known also of a lost connection."""
        self.assertEqual(self.stream.getPeer(), self.transport.getPeer())
        self.lose()
        self.assertEqual(self.stream.getPeer(), self.transport.getPeer())

    def test_producer(self) -> None:
        """It is paused while there is no connection, and stopped at the end only."""
        producer = Producer()
        self.stream.registerProducer(producer, True)
        self.transport.producer.pauseProducing()
        self.transport.producer.resumeProducing()
        self.transport.producer.stopProducing()
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.lose()
        self.attach(0)
        self.assertEqual(producer.calls, ["pause", "resume", "pause", "resume"])
        self.assertIsNotNone(self.transport.producer)
        self.stream.loseConnection()
        self.lose()
        self.assertEqual(producer.calls[-1], "stop")

    def test_reading(self) -> None:
        """A connection that isn't read from gives way to one that isn't either."""
        self.stream.pauseProducing()
        self.assertEqual(self.transport.producerState, "paused")
        self.lose()
        self.attach(0)
        self.assertEqual(self.transport.producerState, "paused")
        self.lose()
        self.stream.resumeProducing()
        self.attach(0)
        self.assertEqual(self.transport.producerState, "producing")
