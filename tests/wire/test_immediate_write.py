"""
Writing at once what the transport has room for.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.broker import FastBroker
from pbrealm._wire.immediate_write import (
    MAX_IMMEDIATE_BYTES,
    can_write_immediately,
    write_immediately,
)
from tests.examples import examples
from tests.wire.plain import written


class Socket(FileDescriptor):
    """A transport whose socket is a list of what went through, with so much room."""

    connected = 1

    def __init__(self, room: Any = 1_000_000) -> None:
        super().__init__(MemoryReactor())
        self.room = room
        self.sent: list[bytes] = []

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


class WriteImmediatelyTests(SynchronousTestCase):
    """
    L{write_immediately}.
    """

    def test_room(self) -> None:
        """It goes out, and the reactor has nothing to do."""
        socket = Socket()
        write_immediately(socket, b"answer")
        self.assertEqual(socket.sent, [b"answer"])
        self.assertFalse(socket.waiting)

    def test_no_room(self) -> None:
        """What's left is for the reactor."""
        for room in (0, 3):
            socket = Socket(room)
            write_immediately(socket, b"answer")
            self.assertTrue(socket.waiting)
            socket.room = 100
            self.assertIsNone(socket.doWrite())
            self.assertEqual(b"".join(socket.sent), b"answer")

    def test_after_what_waits(self) -> None:
        """Nothing overtakes what was written before."""
        socket = Socket()
        socket.write(b"first")
        write_immediately(socket, b"second")
        self.assertEqual(socket.sent, [])
        socket.doWrite()
        self.assertEqual(socket.sent, [b"firstsecond"])
        socket.room = 2
        socket.write(b"third")
        socket.doWrite()
        socket.room = 100
        write_immediately(socket, b"fourth")
        self.assertEqual(socket.sent[1:], [b"th"])
        socket.doWrite()
        self.assertEqual(b"".join(socket.sent[1:]), b"thirdfourth")

    def test_error(self) -> None:
        """The reactor meets it in its turn, and loses the connection as ever."""
        socket = Socket(CONNECTION_LOST)
        write_immediately(socket, b"answer")
        self.assertTrue(socket.waiting)
        self.assertIs(socket.doWrite(), CONNECTION_LOST)

    def test_closing(self) -> None:
        """What's written before a connection closes is sent, and then it closes."""
        socket = Socket()
        socket.loseConnection()
        write_immediately(socket, b"goodbye")
        self.assertEqual(socket.sent, [])
        self.assertIsNotNone(socket.doWrite())
        self.assertEqual(socket.sent, [b"goodbye"])

    def test_much(self) -> None:
        """What a socket may not have room for isn't tried."""
        socket = Socket()
        write_immediately(socket, b"x" * (MAX_IMMEDIATE_BYTES + 1))
        self.assertEqual(socket.sent, [])
        self.assertTrue(socket.waiting)

    def test_tls_begun(self) -> None:
        """Nothing gets past TLS, if the connection has changed to it meanwhile."""
        socket = Socket()
        socket.TLS = True
        write_immediately(socket, b"secret")
        self.assertEqual(socket.sent, [])

    def test_which_transports(self) -> None:
        """Not those that have TLS between, nor those without a socket."""
        self.assertTrue(can_write_immediately(Socket()))
        secret = Socket()
        secret.TLS = True
        self.assertFalse(can_write_immediately(secret))
        self.assertFalse(can_write_immediately(StringTransport()))


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
        """The answers to the few calls that came in one piece are sent in one."""
        self.call(3)
        self.assertEqual(self.socket.sent, [written([b"answer", 7, [b"None"]]) * 3])

    def test_first_answers_of_many_leave_at_once(self) -> None:
        """Of many, the first leave while the others are being made; each once, in order."""
        seen: list[int] = []
        self.root.do = lambda: seen.append(len(b"".join(self.socket.sent)))
        self.call(20)
        answer = written([b"answer", 7, [b"None"]])
        self.assertEqual(self.socket.sent, [answer * 8, answer * 8, answer * 4])
        self.assertEqual(set(seen), {0, len(answer) * 8, len(answer) * 16})

    def test_nothing_is_sent_twice(self) -> None:
        """Not even if the first write makes the transport write again."""
        self.root.do = self.socket.startWriting = lambda: self.broker.hand_over()  # type: ignore
        self.socket.room = 20
        self.call(20)
        self.socket.room = 1_000_000
        self.socket.doWrite()
        self.assertEqual(b"".join(self.socket.sent), written([b"answer", 7, [b"None"]]) * 20)

    def test_in_order(self) -> None:
        """Whatever way a message takes, it's after those before it."""
        self.root.do = lambda: self.broker.sendCall(b"one", 1) or [pb.Copyable()]
        self.call()
        while self.socket.waiting:
            self.socket.doWrite()
        said = b"".join(self.socket.sent)
        self.assertTrue(said.startswith(written([b"one", 1])))
        self.assertIn(b"\x1b\x87\x07\x81", said)

    def test_outside_of_a_call(self) -> None:
        """What nobody asked for is sent by the reactor, as ever."""
        self.broker.sendCall(b"one", 1)
        self.assertEqual(self.socket.sent, [])
        self.assertTrue(self.socket.waiting)

    def test_error_in_the_middle(self) -> None:
        """Answers before an error aren't lost by us."""
        self.broker.dataReceived(
            written([b"message", 7, b"root", b"do", 1, [b"tuple"], [b"dictionary"]])
        )
        self.socket.sent.clear()
        stream = written([b"message", 8, b"root", b"do", 1, [b"tuple"], [b"dictionary"]])
        self.assertRaises(NotImplementedError, self.broker.dataReceived, stream + b"\x88")
        self.socket.doWrite()
        self.assertEqual(self.socket.sent, [written([b"answer", 8, [b"None"]])])
        self.assertIsNone(self.broker._held)


class RandomRoot(pb.Root):
    """A root that answers, and sends other things meanwhile, at random."""

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
                    self.broker.hand_over()
                self.broker.transport.write(written([b"three", number]))
        room = self.chance.choice([0, 5, 100, 1_000_000])
        if isinstance(self.broker.transport, Socket):
            self.broker.transport.room = room
        return {"number": number}


class SameAsPlainTests(SynchronousTestCase):
    """
    Whatever the room and the pieces, what is sent is what Twisted's broker sends.
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
        """Nothing is lost, sent twice, or overtaken."""
        for seed in range(examples(100)):
            plain = self.said(pb.Broker, StringTransport(), seed)
            self.assertEqual(self.said(FastBroker, Socket(), seed), plain)
            self.assertEqual(self.said(FastBroker, StringTransport(), seed), plain)
