"""
The lag of the reactor.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._reactor_lag import INTERVAL, ReactorLag


class ReactorLagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.lag = ReactorLag(self.clock)
        self.lag.start()

    def count(self) -> int:
        return self.lag.histogram.buckets()[-1][1]

    def test_on_time(self) -> None:
        self.clock.pump([INTERVAL] * 10)
        self.assertEqual(self.count(), 10)
        self.assertLess(self.lag.histogram.sum, 1e-9)

    def test_held_up(self) -> None:
        """All but the first tenth of a second shows."""
        self.clock.advance(2)
        self.assertEqual(self.count(), 1)
        self.assertAlmostEqual(self.lag.histogram.sum, 2 - INTERVAL)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.count(), 2)
        self.assertAlmostEqual(self.lag.histogram.sum, 2 - INTERVAL)

    def test_clock_set_back(self) -> None:
        self.clock.rightNow -= 3600
        (call,) = self.clock.getDelayedCalls()
        call.reset(0)
        self.clock.advance(0)
        self.assertEqual((self.count(), self.lag.histogram.sum), (1, 0))

    def test_stop(self) -> None:
        self.lag.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.lag.stop()
