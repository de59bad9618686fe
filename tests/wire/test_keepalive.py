"""
The keepalive, and its clock.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.keepalive import Keepalive


class Taken:
    """Numbers of bytes that a test says were taken."""

    count = marked = 0

    def mark(self) -> None:
        self.marked = self.count

    def some(self) -> bool:
        return self.count > self.marked


class KeepaliveTests(SynchronousTestCase):
    def setUp(self):
        self.taken = Taken()
        self.clock = Clock()
        self.events: list[Any] = []
        self.keepalive = Keepalive(
            self.clock,
            20,
            10,
            lambda: self.events.append(("ask", self.clock.seconds())),
            self.taken,
            lambda: self.events.append(("dead", self.clock.seconds())),
        )

    def go(self, seconds):
        self.clock.pump([1] * seconds)

    def test_dead(self):
        self.go(60)
        self.assertEqual(self.events, [("ask", 20), ("dead", 30)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_worst_case(self):
        """Counted from the last word, it's never more than the interval and the time-out."""
        self.go(19)
        self.keepalive.last_heard = self.clock.seconds()
        self.go(60)
        self.assertEqual(self.events, [("ask", 39), ("dead", 49)])

    def test_any_word_counts(self):
        self.go(25)
        self.keepalive.last_heard = self.clock.seconds()
        self.go(15)
        self.assertEqual(self.events, [("ask", 20)])
        self.go(6)
        self.assertEqual(self.events, [("ask", 20), ("ask", 45)])

    def test_busy_clients_are_not_asked(self):
        for _ in range(10):
            self.go(10)
            self.keepalive.last_heard = self.clock.seconds()
        self.assertEqual(self.events, [])

    def test_reactor_held_up(self):
        """An answer that lay unread while the reactor was held up counts."""
        self.go(20)
        self.clock.rightNow += 300
        self.clock.callLater(0, setattr, self.keepalive, "last_heard", 310)
        self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual(self.events, [("ask", 20)])

    def test_takes_what_it_is_sent(self):
        """A peer that answers nothing, but takes something after each ping, is alive."""
        for _ in range(10):
            self.taken.count += 1
            self.go(10)
        self.assertEqual(self.events, [("ask", when) for when in (20, 40, 60, 80, 100)])

    def test_takes_nothing_any_more(self):
        """From the last byte on, it's never more than the interval and the time-out."""
        for second in range(20, 41):
            self.setUp()
            self.go(second)
            self.taken.count += 1
            self.go(80)
            (died,) = [when for event, when in self.events if event == "dead"]
            self.assertLessEqual(died - second, 30, second)

    def test_short_interval(self):
        """It may be shorter than the time-out."""
        self.keepalive = Keepalive(
            self.clock, 5, 10, lambda: self.events.append("ask"), self.taken, lambda: None
        )
        for _ in range(7):
            self.go(10)
            self.taken.count += 1
        self.assertEqual(self.events.count("ask"), 7)

    def test_stop(self):
        self.keepalive.stop()
        self.keepalive.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
