"""
The log of errors that clients cause: each once in full, and further ones within a budget.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._error_log import (
    LINES_PER_PERIOD,
    MAX_PLACES,
    PERIOD,
    ErrorLog,
    error_log,
    set_error_log,
)
from pbrealm._log_text import bounded_failure
from tests.logs import log_entries


def place(error: type[Exception], text: str) -> Failure:
    """A failure with a traceback."""
    try:
        raise error(text)
    except error:
        return Failure()


class ErrorLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.errors = ErrorLog(self.clock)
        self.entries = log_entries(self)

    def test_rate(self):
        """Lines that are left out are counted; in the next period there is room again."""
        for _ in range(3):
            for number in range(LINES_PER_PERIOD + 3):
                self.errors.message("a place", f"{number}")
            self.clock.advance(PERIOD)
        count = [entry for entry in self.entries if "more errors" in entry]
        self.assertEqual(len(self.entries), 1 + 3 * (LINES_PER_PERIOD + 1))
        self.assertEqual(
            [entry.split("] ")[1][:6] for entry in count], ["2 more", "3 more", "3 more"]
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_places_are_bounded(self):
        for number in range(MAX_PLACES + 10):
            self.errors.message(number, "x" * 1000)
        lengths = [len(entry) for entry in self.entries]
        self.assertGreater(min(lengths[:MAX_PLACES]), 200)
        self.assertLess(max(lengths[MAX_PLACES:]), 201)

    def test_without_a_traceback(self):
        for _ in range(2):
            self.errors.failure("it failed", Failure(ValueError("no")))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertIn("ValueError: no", self.entries[-1])

    def test_text_that_fails(self):
        class Unprintable(Exception):
            def __str__(self) -> str:
                raise ValueError

        for _ in range(2):
            self.errors.failure("it failed", Failure(Unprintable()))
        self.assertEqual(len(self.flushLoggedErrors(Unprintable)), 1)
        self.assertIn("<unprintable Unprintable>", self.entries[-1])

    def test_bounded_failure(self):
        short = place(ValueError, "short")
        self.assertIs(bounded_failure(short), short)
        long = bounded_failure(place(InsecureJelly, "x\n" * 1000))
        self.assertTrue(long.check(InsecureJelly))
        self.assertLess(len(long.getTraceback()), 1000)
        self.assertIn("in place", long.getTraceback())

    def test_after_stop(self):
        """What fails once the server is closed leaves no timer behind."""
        self.errors.stop()
        for number in range(LINES_PER_PERIOD + 3):
            self.errors.message("a place", f"{number}")
        self.assertEqual(len(self.entries), 1 + LINES_PER_PERIOD)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_of_a_connection(self):
        """A server's connections have its log; of all others, those of one owner share one."""

        class Owner:
            """Can have attributes."""

        served, owner = pb.Broker(), Owner()
        set_error_log(served, self.errors)
        self.assertIs(error_log(served, owner, self.clock), self.errors)
        shared = error_log(None, owner, self.clock)
        self.assertIsNot(shared, self.errors)
        for broker in (None, pb.Broker(), pb.Broker()):
            self.assertIs(error_log(broker, owner, self.clock), shared)
        self.assertIsNot(error_log(None, Owner(), self.clock), shared)

    def test_owner_without_attributes(self):
        """It can't keep a log, but has what fails logged."""
        for owner in (None, object()):
            error_log(None, owner, self.clock).failure("it failed", Failure(ValueError()))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
