"""
How many notifications a client may leave unanswered.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, SlowClientPolicy
from pbrealm._delivery.send_queue import SendQueue
from tests.delivery.slow_transport import SlowTransport


class UnansweredTests(SynchronousTestCase):
    def make(self, **backlog):
        self.clock = Clock()
        self.events: list[Any] = []
        return SendQueue(
            SlowTransport(0),
            Backlog(soft_seconds=10, **backlog),
            self.clock,
            lambda: self.events.append("progress"),
            lambda: self.events.append("too slow"),
        )

    def test_unanswered(self):
        """Too many answers may be missing for a time."""
        for when_slow in SlowClientPolicy:
            send_queue = self.make(unanswered=2, when_slow=when_slow)
            self.assertTrue(send_queue.may_expect_answer({1: None}))
            self.assertTrue(send_queue.may_expect_answer({1: None, 2: None}))
            self.clock.advance(9)
            self.assertTrue(send_queue.may_expect_answer({1: None, 2: None, 3: None}))
            self.clock.advance(1)
            self.assertFalse(send_queue.may_expect_answer({2: None, 3: None}))
            ends = when_slow is SlowClientPolicy.END
            self.assertEqual(self.events, ["too slow"] if ends else [])
            self.assertTrue(send_queue.may_expect_answer({3: None}))

    def test_answered_in_time(self):
        """A client that goes on answering may be behind by more for any time."""
        send_queue = self.make(unanswered=2)
        for number in range(100):
            self.assertTrue(send_queue.may_expect_answer(dict.fromkeys([number, number + 1])))
            self.clock.advance(4)
        self.assertEqual(self.events, [])

    def test_unanswered_at_once(self):
        """Not any number may be sent before an answer is due."""
        send_queue = self.make(unanswered=2)
        self.assertTrue(send_queue.may_expect_answer(dict.fromkeys(range(39))))
        self.assertFalse(send_queue.may_expect_answer(dict.fromkeys(range(40))))
        self.assertEqual(self.events, ["too slow"])
