"""
Answers are written to the socket immediately, in order; the transport writes the rest.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import DisposableRealm, ServerFactory
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.immediate_write import (
    MAX_IMMEDIATE_BYTES,
    unencrypted_descriptor,
    write_immediately,
)
from pbrealm.testing import make_portal
from tests.examples import examples
from tests.wire.plain import written


class Socket(Connection):
    """A transport whose socket takes C{room} bytes, and keeps them in C{sent}."""

    connected = 1

    def __init__(self, room: Any = 1_000_000) -> None:
        # Without a socket, so not by Connection's own.
        FileDescriptor.__init__(self, MemoryReactor())
        self.room = room
        self.sent: list[bytes] = []

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no socket to set it on."""

    def writeSomeData(self, data: bytes) -> Any:
        if isinstance(self.room, Exception):
            return self.room
        fits = bytes(data[: self.room])
        self.room -= len(fits)
        if fits:
            self.sent.append(fits)
        return len(fits)

    @property
    def waiting(self) -> bool:
        return self in self.reactor.getWriters()


def write(socket: Socket, data: bytes) -> None:
    write_immediately(data, unencrypted_descriptor(socket), socket)


class WriteImmediatelyTests(SynchronousTestCase):
    """
    L{write_immediately}.
    """

    def test_room(self) -> None:
        """If the socket takes everything, the reactor has nothing to do."""
        socket = Socket()
        write(socket, b"answer")
        self.assertEqual(socket.sent, [b"answer"])
        self.assertFalse(socket.waiting)

    def test_no_room(self) -> None:
        """The reactor writes what the socket doesn't take."""
        for room in (0, 3):
            socket = Socket(room)
            write(socket, b"answer")
            self.assertTrue(socket.waiting)
            socket.room = 100
            self.assertIsNone(socket.doWrite())
            self.assertEqual(b"".join(socket.sent), b"answer")

    def test_after_what_waits(self) -> None:
        """Bytes come after those that were written before and still wait."""
        socket = Socket()
        socket.write(b"first")
        write(socket, b"second")
        self.assertEqual(socket.sent, [])
        socket.doWrite()
        self.assertEqual(socket.sent, [b"firstsecond"])
        socket.room = 2
        socket.write(b"third")
        socket.doWrite()
        socket.room = 100
        write(socket, b"fourth")
        self.assertEqual(socket.sent[1:], [b"th"])
        socket.doWrite()
        self.assertEqual(b"".join(socket.sent[1:]), b"thirdfourth")

    def test_error(self) -> None:
        """If the socket fails, the reactor finds out and closes the connection."""
        socket = Socket(CONNECTION_LOST)
        write(socket, b"answer")
        self.assertTrue(socket.waiting)
        self.assertIs(socket.doWrite(), CONNECTION_LOST)

    def test_closing(self) -> None:
        """While the connection closes, nothing is written past the transport."""
        socket = Socket()
        socket.loseConnection()
        write(socket, b"goodbye")
        self.assertEqual(socket.sent, [])
        self.assertIsNotNone(socket.doWrite())
        self.assertEqual(socket.sent, [b"goodbye"])

    def test_producer_that_is_asked(self) -> None:
        """A pull producer is asked for more when the transport has written what it has."""
        socket = Socket()
        pages = [b"two", b"three"]

        class Pager:
            def resumeProducing(self) -> None:
                if pages:
                    write(socket, pages.pop(0))

            def stopProducing(self) -> None:
                raise AssertionError("the connection isn't lost")

        write(socket, b"one")
        socket.registerProducer(Pager(), False)
        while socket.waiting:
            socket.doWrite()
        self.assertEqual(socket.sent, [b"one", b"two", b"three"])

    def test_much(self) -> None:
        """Large data is left to the reactor."""
        socket = Socket()
        write(socket, b"x" * (MAX_IMMEDIATE_BYTES + 1))
        self.assertEqual(socket.sent, [])
        self.assertTrue(socket.waiting)

    def test_tls_started(self) -> None:
        """If the transport has started TLS, bytes reach the socket only encrypted."""
        socket = Socket()
        socket.TLS = True
        encrypter: Any = StringTransport()
        socket.protocol = encrypter
        write(socket, b"secret")
        self.assertEqual(socket.sent, [])
        self.assertEqual(encrypter.value(), b"secret")

    def test_which_transports(self) -> None:
        """Only those that write to a socket, without TLS."""
        socket = Socket()
        self.assertIs(unencrypted_descriptor(socket), socket)
        socket.TLS = True
        self.assertIsNone(unencrypted_descriptor(socket))
        self.assertIsNone(unencrypted_descriptor(StringTransport()))
        self.assertIsNone(unencrypted_descriptor(None))


class Root(pb.Root):
    """A root that does something while it's called."""

    def __init__(self) -> None:
        self.do: Any = lambda: None

    def remote_do(self) -> object:
        return self.do()


class BrokerTests(SynchronousTestCase):
    """
    A broker on such a transport.
    """

    def setUp(self) -> None:
        self.root = Root()
        factory = pb.PBServerFactory(self.root)
        factory.protocol = FastBroker
        self.broker: Any = factory.buildProtocol(None)
        self.socket = Socket()
        self.broker.makeConnection(self.socket)
        self.broker._selectDialect(b"pb")
        self.socket.doWrite()
        self.socket.sent.clear()

    def call(self, times: int = 1) -> None:
        call = [b"message", 7, b"root", b"do", 1, [b"tuple"], [b"dictionary"]]
        self.broker.dataReceived(written(call) * times)

    def test_answers_go_together(self) -> None:
        """The answers to a few calls that came together are written together."""
        self.call(3)
        self.assertEqual(self.socket.sent, [written([b"answer", 7, [b"None"]]) * 3])

    def test_first_answers_of_many_leave_at_once(self) -> None:
        """Of many answers, the first are written while later calls are still handled."""
        seen: list[int] = []
        self.root.do = lambda: seen.append(len(b"".join(self.socket.sent)))
        self.call(20)
        answer = written([b"answer", 7, [b"None"]])
        self.assertEqual(self.socket.sent, [answer * 8, answer * 8, answer * 4])
        self.assertEqual(set(seen), {0, len(answer) * 8, len(answer) * 16})

    def test_nothing_is_sent_twice(self) -> None:
        """Each answer is sent once, also if a write calls back into the broker."""
        self.root.do = self.broker.flush
        self.patch(self.socket, "startWriting", self.broker.flush)
        self.socket.room = 20
        self.call(20)
        self.socket.room = 1_000_000
        self.socket.doWrite()
        self.assertEqual(b"".join(self.socket.sent), written([b"answer", 7, [b"None"]]) * 20)

    def test_in_order(self) -> None:
        """Messages are sent in order, whichever encoder they pass through."""
        self.root.do = lambda: self.broker.sendCall(b"one", 1) or [pb.Copyable()]
        self.call()
        while self.socket.waiting:
            self.socket.doWrite()
        said = b"".join(self.socket.sent)
        self.assertTrue(said.startswith(written([b"one", 1])))
        self.assertIn(b"\x1b\x87\x07\x81", said)

    def test_send_queue(self) -> None:
        """A broker with a send queue writes past the queue while nothing waits in it."""
        factory = ServerFactory(make_portal(DisposableRealm(lambda _: pb.Avatar()), {}))
        broker: Any = factory.buildProtocol(None)
        socket = Socket()
        broker.makeConnection(socket)
        self.assertIs(broker.immediate_descriptor(), socket)
        broker.send_queue.pauseProducing()
        self.assertIsNone(broker.immediate_descriptor())
        broker.send_queue.resumeProducing()
        self.assertIs(broker.immediate_descriptor(), socket)
        broker.connectionLost(Failure(ConnectionDone()))

    def test_outside_of_a_call(self) -> None:
        """A message that is sent while none is handled is left to the reactor."""
        self.broker.sendCall(b"one", 1)
        self.assertEqual(self.socket.sent, [])
        self.assertTrue(self.socket.waiting)

    def test_error_in_the_middle(self) -> None:
        """Answers to calls before invalid bytes are sent."""
        self.broker.dataReceived(
            written([b"message", 7, b"root", b"do", 1, [b"tuple"], [b"dictionary"]])
        )
        self.socket.sent.clear()
        stream = written([b"message", 8, b"root", b"do", 1, [b"tuple"], [b"dictionary"]])
        self.assertRaises(NotImplementedError, self.broker.dataReceived, stream + b"\x88")
        self.socket.doWrite()
        self.assertEqual(self.socket.sent, [written([b"answer", 8, [b"None"]])])
        self.assertIsNone(self.broker.coalesced)


class RandomRoot(pb.Root):
    """A root whose method sends other messages at random before it answers."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.broker: Any = None

    def remote_do(self, number: int) -> object:
        match self.chance.randrange(5):
            case 0:
                self.broker.sendCall(b"one", number)
            case 1:
                self.broker.sendCall(b"two", number)
                return [b"odd", number]
            case 2:
                # What is sent past the broker comes after what went by it.
                if isinstance(self.broker, FastBroker):
                    self.broker.flush()
                self.broker.transport.write(written([b"three", number]))
        room = self.chance.choice([0, 5, 100, 1_000_000])
        if isinstance(self.broker.transport, Socket):
            self.broker.transport.room = room
        return {"number": number}


class SameAsPlainTests(SynchronousTestCase):
    """
    The bytes sent are those that Twisted's broker sends.
    """

    def said(self, protocol: type[pb.Broker], transport: Any, seed: int) -> bytes:
        chance = Random(seed)
        root = RandomRoot(chance)
        factory = pb.PBServerFactory(root)
        factory.protocol = protocol
        broker: Any = factory.buildProtocol(None)
        root.broker = broker
        broker.makeConnection(transport)
        broker._selectDialect(b"pb")
        for _ in range(3):
            stream = b"".join(
                written(
                    [
                        b"message",
                        n,
                        b"root",
                        b"do",
                        chance.randrange(2),
                        [b"tuple", n],
                        [b"dictionary"],
                    ]
                )
                for n in range(chance.randrange(1, 40))
            )
            while stream:
                size = chance.choice([len(stream), chance.randrange(1, len(stream) + 1)])
                broker.dataReceived(stream[:size])
                stream = stream[size:]
        if isinstance(transport, StringTransport):
            return transport.value()
        transport.room = 1_000_000
        while transport.waiting:
            transport.doWrite()
        return b"".join(transport.sent)

    def test_random_calls(self) -> None:
        """This holds for any sizes of pieces and any room in the socket."""
        for seed in range(examples(100)):
            plain = self.said(pb.Broker, StringTransport(), seed)
            self.assertEqual(self.said(FastBroker, Socket(), seed), plain)
            self.assertEqual(self.said(FastBroker, StringTransport(), seed), plain)
