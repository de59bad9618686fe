"""
The delays after refused logins.
"""

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import AnonymousRealm, CachingRealm, Limits, MindTrackingRealm
from pbrealm._server.login_throttle import LoginThrottle
from tests.avatars import Player
from tests.server.cases import ServerTestCase


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
            self.throttle.failed(address, account, now)

    def test_delays_grow(self):
        delays = []
        for _ in range(6):
            delays.append(self.throttle.delay("a", b"alice", 0))
            self.fail_times(1)
        self.assertEqual(delays, [0, 0, 1, 2, 4, 5])

    def test_by_address_and_by_account(self):
        self.fail_times(2)
        self.assertEqual(self.throttle.delay("a", b"bob", 0), 1)
        self.assertEqual(self.throttle.delay("b", b"alice", 0), 1)
        self.assertEqual(self.throttle.delay("b", b"bob", 0), 0)
        self.assertEqual(self.throttle.delay(None, b"bob", 0), 0)

    def test_failures_expire(self):
        self.fail_times(5)
        self.assertEqual(self.throttle.delay("a", b"alice", 99), 5)
        self.assertEqual(self.throttle.delay("a", b"alice", 100), 0)

    def test_number_of_entries_is_bounded(self):
        for number in range(100):
            self.fail_times(1, f"address {number}", b"account %d" % number)
        self.assertEqual(len(self.throttle), 3)
        for number in range(100):
            self.throttle.succeeded("a", b"account %d" % number)
        self.assertEqual(len(self.throttle._successes), 3)

    def test_known_account_does_not_wait(self):
        """An account known at an address doesn't wait for failures of others there."""
        self.throttle.succeeded("a", b"alice")
        self.fail_times(9, account=b"bob")
        self.fail_times(9, address="elsewhere")
        self.assertEqual(self.throttle.delay("a", b"alice", 0), 0)

    def test_known_account_waits_after_failures_of_its_own(self):
        """Guessing at a user's own address goes unhindered no longer than elsewhere."""
        self.throttle.succeeded("a", b"alice")
        self.fail_times(2)
        self.assertEqual(self.throttle.delay("a", b"alice", 0), 1)

    def test_success_clears_the_account_only(self):
        self.fail_times(9)
        self.throttle.succeeded("a", b"alice")
        self.assertEqual(self.throttle.delay("b", b"alice", 0), 0)
        self.assertEqual(self.throttle.delay("a", b"bob", 0), 5)


class DelayedLoginTests(ServerTestCase):
    def test_delay(self):
        """After a few wrong passwords the next attempts wait, the right one too."""
        client = self.serve(throttle_after_failures=2, throttle_seconds=1, login_attempts=9)
        for _ in range(2):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
        other = self.server.connect()
        login = other.start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(1)
        self.held = self.successResultOf(login)

    def test_disconnect_during_the_delay(self):
        client = self.serve(throttle_after_failures=1, login_attempts=9)
        with self.assertRaises(pb.RemoteError):
            client.login("alice", "wrong")
        login = client.start_login("alice", "secret")
        self.server.flush()
        client.drop()
        self.failureResultOf(login, pb.PBConnectionLost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.realm.sessions(), ())

    def test_anonymous_logins_are_not_delayed(self):
        guests = AnonymousRealm(CachingRealm(Player), CachingRealm(Player))
        client = self.serve(MindTrackingRealm(guests), throttle_after_failures=1, login_attempts=9)
        for _ in range(2):
            self.refusal_after_waiting(client.start_login("", "wrong"))
        self.held = self.server.connect().login()

    def refusal_after_waiting(self, login):
        self.server.advance(20)
        return self.failureResultOf(login)
