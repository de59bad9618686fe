"""
The delays before a client tries again.
"""

import random

import hypothesis.strategies as st
from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.client._backoff import Backoff


class BackoffTests(SynchronousTestCase):
    def longest(self, backoff, count):
        return [backoff.next() for _ in range(count)]

    def test_doubles_up_to_the_longest(self):
        backoff = Backoff(4, 60, lambda: 1)
        self.assertEqual(self.longest(backoff, 7), [4, 8, 16, 32, 60, 60, 60])

    def test_begins_anew(self):
        backoff = Backoff(4, 60, lambda: 1)
        self.longest(backoff, 5)
        backoff.reset()
        self.assertEqual(self.longest(backoff, 2), [4, 8])

    def test_lasted(self):
        """What has worked for as long as the longest delay has it begin anew."""
        backoff = Backoff(4, 60, lambda: 1)
        for seconds, then in ((59, 16), (60, 4)):
            self.longest(backoff, 2)
            backoff.lasted(seconds)
            self.assertEqual(backoff.next(), then)

    def test_at_most(self):
        """A delay may be bounded by itself: the next ones grow as if it hadn't been."""
        backoff = Backoff(4, 60, lambda: 0)
        delays = [backoff.next(at_most) for at_most in (8, 6, 6, 100)]
        self.assertEqual(delays, [1, 1.5, 1.5, 8])

    def test_least(self):
        """A delay is a quarter of its longest at least: nobody tries again at once."""
        backoff = Backoff(4, 60, lambda: 0)
        self.assertEqual(self.longest(backoff, 3), [1, 2, 4])

    def test_soon(self):
        """Before any other delay, and without making the others longer."""
        draws = iter((0, 1, 0.5, 1))
        backoff = Backoff(4, 60, lambda: next(draws))
        self.assertEqual([backoff.soon() for _ in range(3)], [0, 1, 0.5])
        self.assertEqual(backoff.next(), 4)

    @given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(1, 10))
    def test_bounds(self, seed, first, ratio):
        longest = first * ratio
        backoff = Backoff(first, longest, random.Random(seed).random)
        for delay in self.longest(backoff, 20):
            self.assertLessEqual(first / 4, delay)
            self.assertLessEqual(delay, longest)

    def test_crowd(self):
        """5,000 clients come back over three seconds: no tenth of a second has 5 % of them."""
        draw = random.Random(1).random
        delays = [Backoff(4, 60, draw).next() for _ in range(5000)]
        slots = [0] * 41
        for delay in delays:
            slots[int(delay * 10)] += 1
        self.assertLess(max(slots), 250)
        self.assertEqual(slots[:10], [0] * 10)
