"""
The books that are kept at the front door: limits, connections, wrong passwords, silence.
"""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Limits
from pbrealm._server.connection_limits import (
    MAX_EXPLAINED,
    Admission,
    ConnectionCounter,
    origin_of,
)
from pbrealm._server.keepalive import Keepalive
from pbrealm._server.login_throttle import LoginThrottle


class LimitsTests(SynchronousTestCase):
    def test_bad_numbers(self):
        for options in (
            {"login_attempts": 0},
            {"login_attempts": 1.5},
            {"logins": True},
            {"login_seconds": -1},
            {"connections": "many"},
            {"ping_timeout": 0},
        ):
            with self.assertRaises(ValueError) as caught:
                Limits(**options)
            self.assertIn(next(iter(options)), str(caught.exception))

    def test_off(self):
        self.assertEqual(Limits(login_seconds=0, ping_interval=0, ping_timeout=0).ping_interval, 0)


class DoorTests(SynchronousTestCase):
    def test_in_all(self):
        door = ConnectionCounter(Limits(connections=2))
        self.assertEqual([door.opened(o) for o in "aa"], [Admission.ACCEPTED] * 2)
        self.assertIs(door.opened("b"), Admission.EXPLAINED)
        door.closed("a", Admission.ACCEPTED)
        self.assertIs(door.opened("b"), Admission.ACCEPTED)

    def test_by_origin(self):
        door = ConnectionCounter(Limits(connections_per_address=1))
        self.assertEqual([door.opened(o) for o in "ab"], [Admission.ACCEPTED] * 2)
        self.assertIs(door.opened("a"), Admission.EXPLAINED)
        self.assertEqual([door.opened(None) for _ in range(3)], [Admission.ACCEPTED] * 3)

    def test_only_so_many_are_told(self):
        door = ConnectionCounter(Limits(connections=1))
        door.opened("a")
        told = [door.opened("a") for _ in range(MAX_EXPLAINED + 1)]
        self.assertEqual(told, [Admission.EXPLAINED] * MAX_EXPLAINED + [Admission.REJECTED])
        door.closed("a", Admission.EXPLAINED)
        self.assertIs(door.opened("a"), Admission.EXPLAINED)

    def test_nothing_is_left(self):
        door = ConnectionCounter(Limits())
        for origin in ("a", "b", None):
            door.closed(origin, door.opened(origin))
        self.assertEqual((door._accepted, door._explained, dict(door._by_origin)), (0, 0, {}))

    def test_origins(self):
        for address, origin in (
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1"),
            (IPv6Address("TCP", "2001:db8::1:2:3:4", 1), "2001:db8::/64"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1"),
            (IPv6Address("TCP", "fe80::1%eth0", 1), "fe80::/64"),
            (UNIXAddress(b"/run/socket"), None),
            (None, None),
        ):
            self.assertEqual(origin_of(address), origin)


class FailuresTests(SynchronousTestCase):
    def setUp(self):
        self.failures = LoginThrottle(
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
            self.failures.failed(address, account, now)

    def test_growing(self):
        delays = []
        for _ in range(6):
            delays.append(self.failures.delay("a", b"alice", 0))
            self.fail_times(1)
        self.assertEqual(delays, [0, 0, 1, 2, 4, 5])

    def test_by_address_and_by_account(self):
        self.fail_times(2)
        self.assertEqual(self.failures.delay("a", b"bob", 0), 1)
        self.assertEqual(self.failures.delay("b", b"alice", 0), 1)
        self.assertEqual(self.failures.delay("b", b"bob", 0), 0)
        self.assertEqual(self.failures.delay(None, b"bob", 0), 0)

    def test_forgotten(self):
        self.fail_times(5)
        self.assertEqual(self.failures.delay("a", b"alice", 99), 5)
        self.assertEqual(self.failures.delay("a", b"alice", 100), 0)

    def test_bounded(self):
        for number in range(100):
            self.fail_times(1, f"address {number}", b"account %d" % number)
        self.assertEqual(len(self.failures), 3)
        for number in range(100):
            self.failures.succeeded("a", b"account %d" % number)
        self.assertEqual(len(self.failures._successes), 3)

    def test_regulars_do_not_wait(self):
        """Whoever has logged in from an address isn't made to wait for what others do there."""
        self.failures.succeeded("a", b"alice")
        self.fail_times(9, account=b"bob")
        self.fail_times(9, address="elsewhere")
        self.assertEqual(self.failures.delay("a", b"alice", 0), 0)

    def test_a_good_name_is_lost(self):
        """Guessing at a user's own address goes unhindered no longer than elsewhere."""
        self.failures.succeeded("a", b"alice")
        self.fail_times(2)
        self.assertEqual(self.failures.delay("a", b"alice", 0), 1)

    def test_success_clears_the_account_only(self):
        self.fail_times(9)
        self.failures.succeeded("a", b"alice")
        self.assertEqual(self.failures.delay("b", b"alice", 0), 0)
        self.assertEqual(self.failures.delay("a", b"bob", 0), 5)


class WatchTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.said = []
        self.watch = Keepalive(
            self.clock,
            20,
            10,
            lambda: self.said.append(("ask", self.clock.seconds())),
            lambda: self.said.append(("dead", self.clock.seconds())),
        )

    def go(self, seconds):
        self.clock.pump([1] * seconds)

    def test_dead(self):
        self.go(60)
        self.assertEqual(self.said, [("ask", 20), ("dead", 30)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_worst_case(self):
        """Counted from the last word, it's never more than the interval and the time-out."""
        self.go(19)
        self.watch.last_heard = self.clock.seconds()
        self.go(60)
        self.assertEqual(self.said, [("ask", 39), ("dead", 49)])

    def test_any_word_counts(self):
        self.go(25)
        self.watch.last_heard = self.clock.seconds()
        self.go(15)
        self.assertEqual(self.said, [("ask", 20)])
        self.go(6)
        self.assertEqual(self.said, [("ask", 20), ("ask", 45)])

    def test_busy_clients_are_not_asked(self):
        for _ in range(10):
            self.go(10)
            self.watch.last_heard = self.clock.seconds()
        self.assertEqual(self.said, [])

    def test_reactor_held_up(self):
        """An answer that lay unread while the reactor was held up counts."""
        self.go(20)
        self.clock.rightNow += 300
        self.clock.callLater(0, setattr, self.watch, "last_heard", 310)
        self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual(self.said, [("ask", 20)])

    def test_stop(self):
        self.watch.stop()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
