"""
What waits for a client that is slow.
"""

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import Backlog, WhenSlow
from pbrealm.wire.outbox import Outbox


class Transport:
    """Takes so many writes, and then asks for a pause."""

    def __init__(self, room):
        self.room = room
        self.written = []
        self.reading = True
        self.producer = None
        self.closed = None

    def registerProducer(self, producer, streaming):
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, data):
        self.written.append(data)
        self.room -= 1
        if self.room == 0:
            self.producer.pauseProducing()

    def drain(self, room=1000):
        self.room = room
        self.producer.resumeProducing()

    def pauseProducing(self):
        self.reading = False

    def resumeProducing(self):
        self.reading = True

    def loseConnection(self):
        assert self.producer is None, "a transport with a producer doesn't close"
        self.closed = "gently"

    def abortConnection(self):
        self.closed = "by force"


class OutboxTests(SynchronousTestCase):
    def make(self, room=0, **backlog):
        self.clock = Clock()
        self.transport = Transport(room)
        self.said = []
        self.outbox = Outbox(
            self.transport,
            Backlog(**{"soft_bytes": 3, "soft_seconds": 10, "hard_bytes": 5, **backlog}),
            self.clock,
            lambda: self.said.append("progress"),
            lambda: self.said.append("too slow"),
        )
        self.outbox.start()
        if room == 0:
            self.outbox.pauseProducing()
        return self.outbox

    def post(self, *messages):
        """Each message's first letter is its kind."""
        dropped = []
        for message in messages:
            taken = self.outbox.post(message, message[:1], lambda m=message: dropped.append(m))
            if not taken:
                dropped.append(message)
        return dropped

    def test_interface(self):
        verifyObject(IPushProducer, self.make())

    def test_keeps_up(self):
        outbox = self.make(room=10)
        outbox.write(b"a")
        outbox.writeSequence([b"b", b"c"])
        self.assertEqual(self.post(b"d"), [])
        self.assertEqual(self.transport.written, [b"a", b"bc", b"d"])

    def test_order(self):
        """What can be dropped and what can't goes out in one order."""
        outbox = self.make(room=1, hard_bytes=100)
        self.post(b"a")
        outbox.write(b"b")
        self.post(b"c")
        outbox.write(b"d")
        self.assertEqual(self.transport.written, [b"a"])
        self.transport.drain(room=2)
        self.assertEqual(self.transport.written, [b"a", b"b", b"c"])
        self.transport.drain()
        outbox.write(b"e")
        self.assertEqual(self.transport.written, [b"a", b"b", b"c", b"d", b"e"])
        self.assertEqual(self.said, ["progress", "progress"])

    def test_not_listened_to_meanwhile(self):
        self.make(room=1)
        self.post(b"a")
        self.assertFalse(self.transport.reading)
        self.post(b"b")
        self.transport.drain(room=1)
        self.assertFalse(self.transport.reading)
        self.transport.drain()
        self.assertTrue(self.transport.reading)

    def test_hard_bound(self):
        self.make()
        self.post(b"aaaaa")
        self.assertEqual(self.said, [])
        self.post(b"a")
        self.assertEqual(self.said, ["too slow"])

    def test_what_cannot_be_dropped(self):
        """More than the hard bound of it may wait as long as the client goes on taking."""
        for when_slow in WhenSlow:
            outbox = self.make(when_slow=when_slow)
            outbox.write(b"aaaaa")
            outbox.write(b"aaaaa")
            outbox.write(b"aaaaa")
            self.clock.advance(9)
            self.transport.drain(room=1)
            self.clock.advance(9)
            self.assertEqual(self.said, ["progress"])
            self.clock.advance(1)
            self.assertEqual(self.said, ["progress", "too slow"])

    def test_soft_bound(self):
        """More than the soft bound may wait for so long, and no longer."""
        self.make()
        self.post(b"aaaa")
        self.clock.advance(9)
        self.assertEqual(self.said, [])
        self.clock.advance(1)
        self.assertEqual(self.said, ["too slow"])

    def test_soft_bound_in_time(self):
        self.make()
        self.post(b"aa", b"bb")
        self.clock.advance(9)
        self.transport.drain(room=1)
        self.clock.advance(9)
        self.assertEqual(self.said, ["progress"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_drop_newest(self):
        self.make(when_slow=WhenSlow.DROP_NEWEST)
        self.assertEqual(self.post(b"aa", b"bb", b"cc", b"d"), [b"cc"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"aa", b"bb", b"d"])
        self.assertEqual(self.said, ["progress"])

    def test_drop_oldest(self):
        outbox = self.make(when_slow=WhenSlow.DROP_OLDEST)
        outbox.write(b"x")
        self.assertEqual(self.post(b"aa", b"bb", b"cc", b"d"), [b"aa"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"x", b"bb", b"cc", b"d"])

    def test_keep_last(self):
        """Of each kind the last call waits, in the place of its arrival."""
        self.make(when_slow=WhenSlow.KEEP_LAST)
        self.assertEqual(self.post(b"a1", b"b1", b"a2", b"a3"), [b"a1", b"a2"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"b1", b"a3"])

    def test_close_when_written(self):
        self.make()
        self.post(b"a", b"b")
        self.outbox.loseConnection()
        self.assertIsNone(self.transport.closed)
        self.transport.drain(room=1)
        self.assertIsNone(self.transport.closed)
        self.transport.drain()
        self.assertEqual((self.transport.written, self.transport.closed), ([b"a", b"b"], "gently"))

    def test_close_with_nothing_to_write(self):
        self.make(room=1).loseConnection()
        self.assertEqual(self.transport.closed, "gently")

    def test_abort(self):
        outbox = self.make()
        dropped = []
        outbox.post(b"aaaa", b"a", lambda: dropped.append(1))
        outbox.abortConnection()
        self.assertEqual((self.transport.closed, dropped), ("by force", [1]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self):
        self.make()
        self.post(b"aaaa")
        self.outbox.stopProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_direct(self):
        """What is to go out at once may go past it while nothing waits, nor is it closing."""
        outbox = self.make(room=1)
        self.assertIs(outbox.direct, self.transport)
        outbox.write(b"a")
        self.assertIsNone(outbox.direct)
        self.transport.drain()
        self.assertIs(outbox.direct, self.transport)
        outbox.loseConnection()
        self.assertIsNone(outbox.direct)

    def test_pager(self):
        """Another producer has its turn, and then this one again."""
        outbox = self.make(room=5)
        pager = object()
        outbox.registerProducer(pager, False)
        self.assertIs(self.transport.producer, pager)
        outbox.unregisterProducer()
        self.assertIs(self.transport.producer, outbox)

    def test_pager_in_a_jam(self):
        """Another producer waits for its turn until the client has taken what waits."""
        outbox = self.make()
        self.post(b"a")
        pager = object()
        outbox.registerProducer(pager, False)
        self.assertIs(self.transport.producer, outbox)
        self.transport.drain()
        self.assertIs(self.transport.producer, pager)
        self.assertTrue(self.transport.reading)
        outbox.unregisterProducer()
        self.assertIs(self.transport.producer, outbox)

    def test_large_messages_go_a_little_at_a_time(self):
        """So that a client which takes a large one slowly is seen to take it."""
        outbox = self.make(room=2, hard_bytes=10**7)
        large = bytes(range(256)) * 1000
        outbox.write(large)
        self.post(b"b")
        self.assertEqual(len(self.transport.written), 2)
        while len(self.transport.written) < 4:
            self.transport.drain(room=1)
        self.transport.drain()
        self.assertEqual(b"".join(self.transport.written), large + b"b")
        self.assertGreaterEqual(self.said.count("progress"), 2)

    def test_what_was_begun_is_finished(self):
        """What is dropped isn't the rest of a message of which the client has a part."""
        outbox = self.make(room=1, hard_bytes=10**7)
        large = bytes(range(256)) * 1000
        outbox.write(large)
        self.post(b"b")
        outbox.clear()
        outbox.write(b"goodbye")
        self.transport.drain()
        self.assertEqual(b"".join(self.transport.written), large + b"goodbye")

    def test_before_the_start(self):
        """A transport that is at its handshake isn't asked whether it keeps up."""
        transport = Transport(1000)
        outbox = Outbox(transport, Backlog(), Clock(), lambda: None, lambda: None)
        outbox.write(b"a" * 10**6)
        self.assertIsNone(transport.producer)
        self.assertEqual(transport.written, [b"a" * 10**6])
        outbox.loseConnection()
        self.assertEqual(transport.closed, "gently")

    def test_provides_what_the_transport_does(self):
        @implementer(ISSLTransport)
        class Secure(Transport):
            pass

        outbox = Outbox(Secure(1), Backlog(), Clock(), lambda: None, lambda: None)
        self.assertTrue(ISSLTransport.providedBy(outbox))
        self.assertTrue(IPushProducer.providedBy(outbox))

    def test_unanswered(self):
        outbox = self.make(unanswered=2)
        self.assertTrue(outbox.may_ask(1))
        self.assertFalse(outbox.may_ask(2))
        self.assertEqual(self.said, ["too slow"])
        outbox = self.make(unanswered=2, when_slow=WhenSlow.DROP_OLDEST)
        self.assertFalse(outbox.may_ask(2))
        self.assertEqual(self.said, [])

    def test_bad_numbers(self):
        for options in (
            {"soft_bytes": 0},
            {"hard_bytes": -1},
            {"soft_seconds": "1"},
            {"unanswered": True},
            {"soft_bytes": 9, "hard_bytes": 8},
            {"when_slow": "end"},
        ):
            with self.assertRaises(ValueError):
                Backlog(**options)
