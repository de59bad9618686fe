"""
The counts of failed logins, and which of them are forgotten.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits
from pbrealm._server.failure_counts import FailureCounts
from pbrealm._server.login_throttle import LoginThrottle


class FailureCountsTests(SynchronousTestCase):
    def setUp(self):
        self.counts = FailureCounts(entries=3, many=2, memory_seconds=100)

    def add(self, *keys, now=0):
        for key in keys:
            self.counts.add(key, now)

    def numbers(self, *keys, now=0):
        return [self.counts.get(key, now).number for key in keys]

    def test_in_a_row(self):
        self.add("a", "b", "a", "a", now=5)
        self.assertEqual(self.numbers("a", "b", "c", now=5), [3, 1, 0])
        self.assertEqual(self.counts.get("a", 6).last, 5)

    def test_they_expire(self):
        self.add("a", "a")
        self.assertEqual(self.numbers("a", now=99), [2])
        self.assertEqual(self.numbers("a", now=100), [0])
        self.add("a", now=100)
        self.assertEqual((self.numbers("a", now=100), len(self.counts)), ([1], 1))

    def test_discard(self):
        self.add("a", "b", "b")
        for key in ("a", "b", "c"):
            self.counts.discard(key)
        self.assertEqual((self.numbers("a", "b"), len(self.counts)), ([0, 0], 0))

    def test_the_longest_unused_is_forgotten(self):
        """Of those with few failures, and of those with many."""
        self.add("a", "b", "c", "d")
        self.assertEqual(self.numbers("a", "b", "c", "d"), [0, 1, 1, 1])
        self.add("b", "c", "d", "b", "e", "e")
        self.assertEqual(self.numbers("b", "c", "d", "e"), [3, 0, 2, 2])
        self.assertEqual(len(self.counts), 3)

    def test_many_failures_are_not_displaced_by_few(self):
        self.add("a", "a", *range(100))
        self.assertEqual(self.numbers("a"), [2])
        self.assertEqual(len(self.counts), 4)


class FloodTests(SynchronousTestCase):
    def test_accounts_that_do_not_exist(self):
        """Their failures, from all addresses of a network, end no delay of another account."""
        throttle = LoginThrottle(Limits(throttle_entries=50))

        def fail(number, account):
            attempt = throttle.attempt(f"2001:db8:1:{number:x}::/64", account)
            throttle.failed(attempt, 0)
            return attempt

        for number in range(5):
            attempt = fail(number, b"alice")
        for number in range(5, 2000):
            fail(number, b"fake %d" % number)
        self.assertEqual(throttle.free_at(b"alice", 0), 4)
        self.assertEqual(throttle.failures(attempt.address, 0), 0)
        self.assertLess(len(throttle), 50 + 50 + 10)
