"""
The send queue: what waits for a client that is slow.
"""

import time
from functools import partial
from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides
from zope.interface.verify import verifyObject

from pbrealm import Backlog, SlowClientPolicy
from pbrealm._delivery import waiting_messages
from pbrealm._delivery.send_queue import SendQueue
from tests.delivery.slow_transport import SlowTransport


class SendQueueTests(SynchronousTestCase):
    def setUp(self):
        # Only the bytes count, which makes for small numbers.
        self.patch(waiting_messages, "MESSAGE_BYTES", 0)

    def make(self, room=0, **backlog):
        self.clock = Clock()
        self.transport = SlowTransport(room)
        self.events: list[Any] = []
        self.send_queue = SendQueue(
            self.transport,
            Backlog(**{"soft_bytes": 3, "soft_seconds": 10, "hard_bytes": 5, **backlog}),
            self.clock,
            lambda: self.events.append("progress"),
            lambda: self.events.append("too slow"),
        )
        self.send_queue.start()
        if room == 0:
            self.send_queue.pauseProducing()
        return self.send_queue

    def post(self, *messages):
        """Each message's first letter is its kind."""
        dropped: list[Any] = []
        for message in messages:
            taken = self.send_queue.post(message, message[:1], partial(dropped.append, message))
            if not taken:
                dropped.append(message)
        return dropped

    def test_interface(self):
        verifyObject(IPushProducer, self.make())

    def test_keeps_up(self):
        send_queue = self.make(room=10)
        send_queue.write(b"a")
        send_queue.writeSequence([b"b", b"c"])
        self.assertEqual(self.post(b"d"), [])
        self.assertEqual(self.transport.written, [b"a", b"bc", b"d"])

    def test_order(self):
        """What can be dropped and what can't goes out in one order."""
        send_queue = self.make(room=1, hard_bytes=100)
        self.post(b"a")
        send_queue.write(b"b")
        self.post(b"c")
        send_queue.write(b"d")
        self.assertEqual(self.transport.written, [b"a"])
        self.transport.drain(room=2)
        self.assertEqual(self.transport.written, [b"a", b"b", b"c"])
        self.transport.drain()
        send_queue.write(b"e")
        self.assertEqual(self.transport.written, [b"a", b"b", b"c", b"d", b"e"])
        self.assertEqual(self.events, ["progress", "progress"])

    def test_reads_nothing_while_messages_wait(self):
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
        self.assertEqual(self.events, [])
        self.post(b"a")
        self.assertEqual(self.events, ["too slow"])

    def test_messages_that_cannot_be_dropped(self):
        """The hard bound and one message of them may wait, and no more."""
        for when_slow in SlowClientPolicy:
            send_queue = self.make(when_slow=when_slow)
            send_queue.write(b"x" * 100)
            send_queue.write(b"aaa")
            send_queue.write(b"aa")
            self.assertEqual(self.events, [])
            send_queue.write(b"a")
            self.assertEqual(self.events, ["too slow"])

    def test_one_large_message(self):
        """A message of any size may wait as long as the client goes on taking."""
        for when_slow in SlowClientPolicy:
            send_queue = self.make(when_slow=when_slow)
            send_queue.write(b"x" * 500_000)
            self.post(b"b")
            for _ in range(3):
                self.clock.advance(9)
                self.transport.drain(room=1)
            self.assertNotIn("too slow", self.events)
            self.clock.advance(10)
            self.assertIn("too slow", self.events)

    def test_all_kinds_together(self):
        """Notifications and what can't be dropped have one bound."""
        send_queue = self.make(soft_bytes=5, hard_bytes=5)
        send_queue.write(b"x")
        send_queue.write(b"xxx")
        self.post(b"aa")
        self.assertEqual(self.events, [])
        self.post(b"a")
        self.assertEqual(self.events, ["too slow"])

    def test_room_for_what_cannot_be_dropped(self):
        """Notifications are dropped for it, where they may be."""
        for when_slow, gone, events in (
            (SlowClientPolicy.DROP_OLDEST, [b"a", b"b"], []),
            (SlowClientPolicy.DROP_NEWEST, [b"d", b"c"], []),
            (SlowClientPolicy.KEEP_LAST, [], ["too slow"]),
            (SlowClientPolicy.END, [], ["too slow"]),
        ):
            send_queue = self.make(when_slow=when_slow)
            send_queue.write(b"x")
            dropped = self.post(b"a", b"b", b"c", b"d")
            send_queue.write(b"xxx")
            self.assertEqual((dropped, self.events), (gone, events))

    def test_dropping_the_oldest_of_many(self):
        """To drop one of 100,000 takes no longer than to drop one of a few."""
        self.make(when_slow=SlowClientPolicy.DROP_OLDEST, soft_bytes=10**5, hard_bytes=10**5)
        dropped = self.post(*[b"a"] * 10**5)
        began = time.process_time()
        self.post(*[b"a"] * 10**4)
        self.assertLess(time.process_time() - began, 1)
        self.assertEqual(len(dropped), 10**4)

    def test_keeping_the_last_of_many_kinds(self):
        send_queue = self.make(
            when_slow=SlowClientPolicy.KEEP_LAST, soft_bytes=10**6, hard_bytes=10**6
        )
        for number in range(10**5):
            send_queue.post(b"a", number)
        began = time.process_time()
        for number in reversed(range(10**5 - 10**4, 10**5)):
            send_queue.post(b"b", number)
        self.assertLess(time.process_time() - began, 1)
        self.transport.drain(room=10**6)
        self.assertEqual(len(self.transport.written), 10**5)

    def test_soft_bound(self):
        """More than the soft bound may wait for so long, and no longer."""
        self.make()
        self.post(b"aaaa")
        self.clock.advance(9)
        self.assertEqual(self.events, [])
        self.clock.advance(1)
        self.assertEqual(self.events, ["too slow"])

    def test_soft_bound_in_time(self):
        self.make()
        self.post(b"aa", b"bb")
        self.clock.advance(9)
        self.transport.drain(room=1)
        self.clock.advance(9)
        self.assertEqual(self.events, ["progress"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_drop_newest(self):
        self.make(when_slow=SlowClientPolicy.DROP_NEWEST)
        self.assertEqual(self.post(b"aa", b"bb", b"cc", b"d"), [b"cc"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"aa", b"bb", b"d"])
        self.assertEqual(self.events, ["progress"])

    def test_drop_oldest(self):
        send_queue = self.make(when_slow=SlowClientPolicy.DROP_OLDEST)
        send_queue.write(b"x")
        self.assertEqual(self.post(b"aa", b"bb", b"cc", b"d"), [b"aa"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"x", b"bb", b"cc", b"d"])

    def test_keep_last(self):
        """Of each kind the last call waits, in the order of arrival."""
        self.make(when_slow=SlowClientPolicy.KEEP_LAST)
        self.assertEqual(self.post(b"a1", b"b1", b"a2", b"a3"), [b"a1", b"a2"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"b1", b"a3"])

    def test_keep_last_of_what_is_sent_again(self):
        """The last is what was sent last, also if that is because another was dropped."""
        queue = self.make(when_slow=SlowClientPolicy.KEEP_LAST)
        queue.post(b"a1", b"a", lambda: self.post(b"a3"))
        self.assertEqual(self.post(b"a2"), [b"a2"])
        self.transport.drain()
        self.assertEqual(self.transport.written, [b"a3"])

    def test_close_when_written(self):
        self.make()
        self.post(b"a", b"b")
        self.send_queue.loseConnection()
        self.assertIsNone(self.transport.closed)
        self.transport.drain(room=1)
        self.assertIsNone(self.transport.closed)
        self.transport.drain()
        self.assertEqual((self.transport.written, self.transport.closed), ([b"a", b"b"], "gently"))

    def test_close_with_nothing_to_write(self):
        self.make(room=1).loseConnection()
        self.assertEqual(self.transport.closed, "gently")

    def test_abort(self):
        send_queue = self.make()
        dropped = []
        send_queue.post(b"aaaa", b"a", lambda: dropped.append(1))
        send_queue.abortConnection()
        self.assertEqual((self.transport.closed, dropped), ("by force", [1]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_is_left_after_the_connection(self):
        self.make()
        self.post(b"aaaa")
        self.send_queue.stopProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_direct(self):
        """What is to go out at once may go past it while nothing waits, nor is it closing."""
        send_queue = self.make(room=1)
        self.assertIs(send_queue.direct, self.transport)
        send_queue.write(b"a")
        self.assertIsNone(send_queue.direct)
        self.transport.drain()
        self.assertIs(send_queue.direct, self.transport)
        send_queue.loseConnection()
        self.assertIsNone(send_queue.direct)

    def test_other_producer(self):
        """Another producer replaces the queue on the transport until it is done."""
        send_queue = self.make(room=5)
        producer = object()
        send_queue.registerProducer(producer, False)
        self.assertIs(self.transport.producer, producer)
        send_queue.unregisterProducer()
        self.assertIs(self.transport.producer, send_queue)

    def test_other_producer_while_messages_wait(self):
        """Another producer is registered once the client has taken what waits."""
        send_queue = self.make()
        self.post(b"a")
        producer = object()
        send_queue.registerProducer(producer, False)
        self.assertIs(self.transport.producer, send_queue)
        self.transport.drain()
        self.assertIs(self.transport.producer, producer)
        self.assertTrue(self.transport.reading)
        send_queue.unregisterProducer()
        self.assertIs(self.transport.producer, send_queue)

    def test_large_messages_go_a_little_at_a_time(self):
        """So that a client which takes a large one slowly is seen to take it."""
        send_queue = self.make(room=2, hard_bytes=10**7)
        large = bytes(range(256)) * 1000
        send_queue.write(large)
        self.post(b"b")
        self.assertEqual(len(self.transport.written), 2)
        while len(self.transport.written) < 4:
            self.transport.drain(room=1)
        self.transport.drain()
        self.assertEqual(b"".join(self.transport.written), large + b"b")
        self.assertGreaterEqual(self.events.count("progress"), 2)

    def test_message_that_was_begun_is_finished(self):
        """What is dropped isn't the rest of a message of which the client has a part."""
        send_queue = self.make(room=1, hard_bytes=10**7)
        large = bytes(range(256)) * 1000
        send_queue.write(large)
        self.post(b"b")
        send_queue.clear()
        send_queue.write(b"goodbye")
        self.transport.drain()
        self.assertEqual(b"".join(self.transport.written), large + b"goodbye")

    def test_before_the_start(self):
        """A transport that is at its handshake isn't asked whether it keeps up."""
        transport = SlowTransport(1000)
        send_queue = SendQueue(transport, Backlog(), Clock(), lambda: None, lambda: None)
        send_queue.write(b"a" * 10**6)
        self.assertIsNone(transport.producer)
        self.assertEqual(transport.written, [b"a" * 10**6])
        send_queue.loseConnection()
        self.assertEqual(transport.closed, "gently")

    def test_provides_what_the_transport_does(self):
        secure = SlowTransport(1)
        directlyProvides(secure, ISSLTransport)
        send_queue = SendQueue(secure, Backlog(), Clock(), lambda: None, lambda: None)
        self.assertTrue(ISSLTransport.providedBy(send_queue))
        self.assertTrue(IPushProducer.providedBy(send_queue))

    def test_held_again(self):
        """
        A client isn't read from if that was asked for after it was to be read from again, in the
        same turn of the reactor.
        """
        queue = self.make(room=10)
        queue.hold_reading()
        queue.release_reading()
        queue.release_reading()
        queue.hold_reading()
        self.clock.advance(0)
        self.assertFalse(self.transport.reading)
        queue.release_reading()
        queue.release_reading()
        self.clock.advance(0)
        self.assertTrue(self.transport.reading)
        queue.hold_reading()
        self.clock.advance(0)
        self.assertFalse(self.transport.reading)
