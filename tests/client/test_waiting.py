"""
Those who wait for a login, or for a stop.
"""

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.client._waiting import Waiting


class WaitingTests(SynchronousTestCase):
    def setUp(self):
        self.waiting = Waiting[Any]()

    def test_all_are_told(self):
        first, second = self.waiting.wait(), self.waiting.wait()
        self.waiting.tell("now")
        self.assertEqual(self.successResultOf(first), "now")
        self.assertEqual(self.successResultOf(second), "now")
        self.assertEqual(len(self.waiting), 0)

    def test_failure(self):
        first, second = self.waiting.wait(), self.waiting.wait()
        self.waiting.tell(Failure(ValueError()))
        self.failureResultOf(first, ValueError)
        self.failureResultOf(second, ValueError)

    def test_cancelled(self):
        """It harms nobody else, and nothing is left of it."""
        first, second = self.waiting.wait(), self.waiting.wait()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(len(self.waiting), 1)
        self.waiting.tell("now")
        self.assertEqual(self.successResultOf(second), "now")

    def test_cancelled_by_another_that_is_told(self):
        first, second = self.waiting.wait(), self.waiting.wait()
        first.addCallback(lambda _: second.cancel())
        self.waiting.tell("now")
        self.failureResultOf(second, CancelledError)

    def test_waits_again_when_told(self):
        """For the next time."""
        again = []
        self.waiting.wait().addCallback(lambda _: again.append(self.waiting.wait()))
        self.waiting.tell("now")
        self.assertNoResult(again[0])
        self.assertEqual(len(self.waiting), 1)

    def test_first(self):
        first, second = self.waiting.wait(), self.waiting.wait()
        self.assertIs(self.waiting.take_first(), first)
        self.assertIs(self.waiting.take_first(), second)
        self.assertIsNone(self.waiting.take_first())
