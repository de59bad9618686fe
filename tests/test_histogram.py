"""
Histograms.
"""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from pbrealm._histogram import BOUNDS, Histogram


class HistogramTests(SynchronousTestCase):
    def test_bounds(self) -> None:
        self.assertEqual(list(BOUNDS), sorted(set(BOUNDS)))

    def test_empty(self) -> None:
        histogram = Histogram()
        self.assertEqual(histogram.sum, 0)
        self.assertEqual([count for _, count in histogram.buckets()], [0] * 17)
        self.assertEqual([bound for bound, _ in histogram.buckets()], [*BOUNDS, inf])

    def test_cumulative(self) -> None:
        """What takes as long as a bound is within it."""
        histogram = Histogram()
        for seconds in (0, 0.001, 0.0011, 0.25, 10, 10.5, 1000):
            histogram.observe(seconds)
        buckets = dict(histogram.buckets())
        self.assertEqual(buckets[0.0001], 1)
        self.assertEqual(buckets[0.0005], 1)
        self.assertEqual(buckets[0.001], 2)
        self.assertEqual(buckets[0.0025], 3)
        self.assertEqual(buckets[0.1], 3)
        self.assertEqual(buckets[0.25], 4)
        self.assertEqual(buckets[10.0], 5)
        self.assertEqual(buckets[inf], 7)
        self.assertAlmostEqual(histogram.sum, 1020.7521)
