"""
The counts of wrong passwords, and the delays that they come to.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits
from pbrealm._server.login_throttle import UNDECIDED_SECONDS, LoginThrottle


class LoginThrottleTests(SynchronousTestCase):
    def setUp(self):
        self.throttle = LoginThrottle(
            Limits(
                throttle_after_failures=2,
                throttle_seconds=1,
                throttle_max_seconds=5,
                throttle_memory_seconds=100,
                throttle_entries=3,
            )
        )

    def fail_times(self, count, address="a", account=b"alice", now=0):
        for _ in range(count):
            self.throttle.failed(self.throttle.attempt(address, account), now)

    def succeed(self, address="a", account=b"alice"):
        self.throttle.succeeded(self.throttle.attempt(address, account))

    def delay(self, address="a", account=b"alice", now=0):
        block = self.throttle.block(self.throttle.attempt(address, account), now)
        return 0 if block is None else block.until - now

    def begin(self, address="a", account=b"alice", now=0):
        attempt = self.throttle.attempt(address, account)
        self.throttle.begin(attempt, now)
        return attempt

    def test_delays_grow(self):
        delays = []
        for _ in range(6):
            delays.append(self.delay())
            self.fail_times(1)
        self.assertEqual(delays, [0, 0, 1, 2, 4, 5])

    def test_delay_runs_from_the_last_failure(self):
        self.fail_times(4, now=10)
        self.assertEqual([self.delay(now=now) for now in (10, 12, 14, 20)], [4, 2, 0, 0])

    def test_by_address_and_by_account(self):
        self.fail_times(2)
        self.assertEqual(self.delay(account=b"bob"), 1)
        self.assertEqual(self.delay("b"), 1)
        self.assertEqual(self.delay("b", b"bob"), 0)
        self.assertEqual(self.delay(None, b"bob"), 0)

    def test_failures_expire(self):
        self.fail_times(5, now=100)
        self.fail_times(1, "b", b"bob", now=100)
        self.assertEqual(self.throttle.failures("a", 199), 5)
        self.assertEqual(self.throttle.failures("a", 200), 0)

    def test_turned_off(self):
        for limits in (Limits(throttle_seconds=0), Limits(throttle_max_seconds=0)):
            self.throttle = LoginThrottle(limits)
            self.fail_times(9)
            self.begin()
            self.assertEqual(self.delay(), 0)

    def test_number_of_entries_is_bounded(self):
        for number in range(100):
            self.fail_times(1, f"address {number}", b"account %d" % number)
        # Accounts and addresses.
        self.assertEqual(len(self.throttle), 3 + 3)
        for number in range(100):
            self.succeed("a", b"account %d" % number)
        self.assertEqual(len(self.throttle._known), 3)

    def test_known_account_does_not_wait(self):
        """An account known at an address doesn't wait for failures of others there."""
        self.succeed()
        self.fail_times(9, account=b"bob")
        self.fail_times(9, address="elsewhere")
        self.begin(address="elsewhere")
        self.assertEqual(self.delay(), 0)

    def test_known_account_waits_after_failures_of_its_own(self):
        """Guessing at a user's own address goes unhindered no longer than elsewhere."""
        self.succeed()
        self.fail_times(2)
        self.assertEqual(self.delay(), 1)
        self.assertEqual(self.delay("elsewhere"), 0)
        self.succeed()
        self.assertEqual(self.delay(), 0)

    def test_success_clears_the_account_only(self):
        self.fail_times(9)
        self.throttle.succeeded(self.throttle.attempt("b", b"alice"))
        self.assertEqual(self.delay("c"), 0)
        self.assertEqual(self.delay(account=b"bob"), 5)

    def test_under_way_counts_as_failed(self):
        """As many attempts may be under way at once as may fail without a delay."""
        first = self.begin()
        self.assertEqual(self.delay(), 0)
        second = self.begin()
        for other in ({}, {"address": "b"}, {"account": b"bob"}):
            self.assertEqual(self.delay(**other), UNDECIDED_SECONDS)
        self.throttle.release(first)
        self.assertEqual(self.delay(), 0)
        self.throttle.release(second)
        self.assertEqual(self.throttle._under_way, {})

    def test_one_at_a_time_after_failures(self):
        self.fail_times(2)
        attempt = self.begin(now=1)
        self.assertEqual(self.delay(now=9), UNDECIDED_SECONDS - 8)
        self.throttle.release(attempt)
        self.assertEqual(self.delay(now=9), 0)

    def test_under_way_for_ever(self):
        """An attempt that is never decided keeps others waiting for a bounded time only."""
        self.begin()
        self.begin()
        now = UNDECIDED_SECONDS
        self.assertEqual(self.delay(now=now), 0)
        self.begin(now=now)
        self.begin(now=now)
        self.assertEqual(self.delay(now=now), UNDECIDED_SECONDS)

    def test_known_address_has_more_under_way(self):
        """Where several accounts have logged in, as many more may do so at once."""
        for account in (b"bob", b"carol", b"dora"):
            self.succeed(account=account)
        for number in range(5):
            self.assertEqual(self.delay(account=b"new %d" % number), 0)
            self.begin(account=b"new %d" % number)
        self.assertEqual(self.delay(account=b"newer"), UNDECIDED_SECONDS)
