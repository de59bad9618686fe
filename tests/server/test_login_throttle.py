"""
The delays after refused logins.
"""

from random import Random
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    Limits,
    MindTrackingRealm,
    reason_of,
)
from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_throttle import UNDECIDED_SECONDS, LoginThrottle
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player, Slow
from tests.examples import slow
from tests.server.cases import FromAnyHost, ServerTestCase, SlowChecker


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


class TickingClock(Clock):
    """Has time pass whenever somebody looks, and is as strict as a reactor."""

    def seconds(self):
        self.rightNow += 0.4
        return self.rightNow

    def callLater(self, delay, *args, **kw):
        assert delay >= 0
        return super().callLater(delay, *args, **kw)


class LoginQueueTests(SynchronousTestCase):
    def test_delay_that_is_over_at_once(self):
        """The delay may be over between when it is determined and when its timer is set."""
        clock = TickingClock()
        throttle = LoginThrottle(Limits(throttle_after_failures=1, throttle_seconds=1))
        throttle.failed(throttle.attempt(None, b"alice"), 0)
        queue = LoginQueue(throttle, clock, 16)
        attempt = throttle.attempt(None, b"alice")
        begun: Any = queue.enter(attempt)
        self.assertNoResult(begun)
        clock.advance(0)
        self.assertIs(self.successResultOf(begun), attempt)
        queue.leave(attempt)
        self.assertEqual(queue._lines, {})


class ParallelLoginTests(SynchronousTestCase):
    """
    Attempts that come at once, with the default limits and a checker that takes its time.
    """

    def setUp(self):
        self.tried = []
        checker: Any = SlowChecker()
        checker.requestAvatarId = self.check
        self.checker = checker
        self.serve(CachingRealm(Player))

    def serve(self, realm):
        limits = Limits(login_attempts=1, ping_interval=0)
        self.factory = FromAnyHost(Portal(realm, [self.checker]), limits)
        self.server = MemoryServer(realm, factory=self.factory)
        self.factory._server_state().login_queue.random = Random(3)

    def check(self, credentials):
        self.tried.append((self.server.clock.seconds(), credentials))
        answer: Deferred[bytes] = Deferred()

        def decide():
            if credentials.checkPassword(b"secret"):
                answer.callback(credentials.username)
            else:
                answer.errback(UnauthorizedLogin())

        self.server.clock.callLater(0.01, decide)
        return answer

    def attempts(self, hosts, names=("alice",) * 200, password="wrong"):
        logins = []
        for host, name in zip(hosts, names, strict=False):
            self.factory.host = host
            logins.append(self.server.connect().start_login(name, password))
            logins[-1].addErrback(lambda why: str(why.value))
        self.server.flush()
        return logins

    def run_for(self, seconds, step=0.25):
        for _ in range(int(seconds / step)):
            self.server.advance(step)
            self.server.clients[:] = [each for each in self.server.clients if each.connected]

    def test_from_one_address(self):
        """
        Three are tried without a delay, the others after 1, 2, 4 and 8 seconds.  Then the time is
        over that an attempt waits.
        """
        logins = self.attempts(["192.0.2.1"] * 100)
        self.assertEqual(len(self.tried), 3)
        self.run_for(60)
        self.assertEqual(len(self.tried), 7)
        reasons = [reason_of(self.successResultOf(login)) for login in logins]
        # The connections of the others are closed, so that their clients may come back.
        self.assertEqual(reasons.count(None), 93)
        self.assertEqual(self.factory._server_state().login_queue._lines, {})

    def test_from_many_addresses(self):
        """The same holds for an account, wherever the attempts come from."""
        self.attempts([f"192.0.2.{number}" for number in range(100)])
        self.run_for(60)
        self.assertEqual(len(self.tried), 7)

    @slow
    def test_persistently(self):
        """Who always has attempts waiting is allowed one for each delay."""
        for _ in range(60):
            self.attempts([f"192.0.2.{number}" for number in range(5)])
            self.run_for(1)
        # After 0, 0, 0, 1, 3, 7 and 15 seconds, and then every 8.
        self.assertLessEqual(len(self.tried), 12)
        self.assertGreaterEqual(len(self.tried), 10)

    def test_many_accounts_of_one_address(self):
        self.attempts(["192.0.2.1"] * 100, [f"user {number}" for number in range(100)])
        self.run_for(60)
        self.assertEqual(len(self.tried), 7)

    @slow
    def test_owner_is_not_locked_out(self):
        """Neither where the account has logged in from, nor at an address that doesn't guess."""
        (login,) = self.attempts(["198.51.100.1"], password="secret")
        self.run_for(1)
        self.held = [self.successResultOf(login)]
        for _ in range(30):
            self.attempts([f"192.0.2.{number}" for number in range(5)])
            self.run_for(1)
        (known,) = self.attempts(["198.51.100.1"], password="secret")
        self.server.advance(0.01)
        self.held.append(self.successResultOf(known))
        self.attempts([f"192.0.2.{number}" for number in range(5)] * 20)
        self.run_for(60)
        self.attempts([f"192.0.2.{number}" for number in range(5)] * 20)
        (elsewhere,) = self.attempts(["198.51.100.2"], password="secret")
        self.run_for(9)
        self.held.append(self.successResultOf(elsewhere))
        self.assertIsInstance(self.held[-1], pb.RemoteReference)

    def guess(self, guessers, interval):
        """
        Guess from one address after the other, while the owner tries 10 times from new ones.

        @param guessers: 110 addresses.
        @param interval: seconds between guesses.
        @return: how often the owner gets in, and how many guesses are tried.
        """
        logins = []
        for number, guesser in enumerate(guessers):
            self.attempts([guesser])
            if number % 10 == 9 and number > 9:
                # Just behind a guess, which waits for as long.
                logins += self.attempts([f"198.51.{number}.1"], password="secret")
            self.run_for(interval)
        self.run_for(20)
        self.held = [self.successResultOf(login) for login in logins]
        came_in = sum(isinstance(held, pb.RemoteReference) for held in self.held)
        return came_in, len(self.tried) - came_in

    @slow
    def test_owner_is_not_locked_out_by_a_network(self):
        """Many addresses of one network are no more than one."""
        for network in ("192.0.2.{}", "2001:db8:0:{:x}::1"):
            self.serve(CachingRealm(Player))
            self.tried.clear()
            came_in, guesses = self.guess([network.format(n) for n in range(110)], 2)
            self.assertEqual(came_in, 10)
            self.assertLess(guesses, 110)

    @slow
    def test_owner_is_not_locked_out_by_many_networks(self):
        """
        Who guesses every 3 seconds from another network leaves the owner a fair chance each time.
        """
        came_in, guesses = self.guess([f"203.0.{n}.1" for n in range(110)], 3)
        self.assertGreaterEqual(came_in, 3)
        self.assertLess(came_in, 10)
        # Each time that the owner gets in, a few more may be tried without a delay.
        self.assertLess(guesses, 110)

    @slow
    def test_crowd(self):
        """Many users of one address who come at once get in at once."""
        logins = self.attempts(
            ["192.0.2.1"] * 200, [f"user {number}" for number in range(200)], password="secret"
        )
        self.assertEqual(len(self.tried), 3)
        self.run_for(0.1, step=0.01)
        self.held = [self.successResultOf(login) for login in logins]
        self.assertEqual({type(held) for held in self.held}, {pb.RemoteReference})

    def test_slow_avatars_delay_nobody(self):
        """An attempt is decided once its password is found to be right."""
        slow = Slow(Player)
        self.serve(CachingRealm(slow))
        self.attempts(["192.0.2.1"] * 20, password="secret")
        self.run_for(0.1, step=0.01)
        self.assertEqual(len(self.tried), 20)

    def test_leaving_frees_the_line(self):
        """Clients that leave while they wait leave nothing behind."""
        for _ in range(20):
            self.attempts(["192.0.2.1"] * 10)
            for client in self.server.clients:
                client.drop()
            self.server.clients.clear()
        self.server.advance(0.25)
        queue = self.factory._server_state().login_queue
        self.assertEqual(queue._lines, {})
        self.assertEqual(queue._throttle._under_way, {})
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


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

    def test_no_delay_from_an_address_that_has_logged_in(self):
        """Whatever others do: at that address with other accounts, and elsewhere with this one."""
        server = self.serve_from_any_host()
        self.held = [server.connect().login("alice", "secret")]
        for host, name in (("192.0.2.1", "bob"), ("192.0.2.2", "alice"), ("192.0.2.3", "alice")):
            server.factory.host = host
            for _ in range(3):
                server.connect().start_login(name, "wrong").addErrback(lambda _: None)
                server.flush()
        # From anywhere else, it would wait.
        elsewhere = server.connect().start_login("alice", "secret")
        server.flush()
        self.assertNoResult(elsewhere)
        server.factory.host = "192.0.2.1"
        self.held.append(server.connect().login("alice", "secret"))
        # Nor does it let anybody guess there without a delay.
        for _ in range(3):
            with self.assertRaises(pb.RemoteError):
                server.connect().login("alice", "wrong")
        delayed = server.connect().start_login("alice", "secret")
        server.flush()
        self.assertNoResult(delayed)
        server.advance(60)
        elsewhere.addErrback(lambda _: None)
        self.held.append(self.successResultOf(delayed))

    def serve_from_any_host(self) -> Any:
        realm = CachingRealm(Player)
        passwords = {"alice": "secret", "bob": "secret"}
        limits = Limits(throttle_after_failures=3, ping_interval=0)
        factory = FromAnyHost(make_portal(realm, passwords), limits)
        return MemoryServer(realm, factory=factory)

    def test_wrong_passwords_lower_the_chance(self):
        """An address that has guessed mostly comes after one that hasn't, however many wait."""
        server = self.serve_from_any_host()
        queue = server.factory._server_state().login_queue
        queue.random = Random(1)
        order: list[str] = []
        for host in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.3"):
            server.factory.host = host
            for _ in range(1 if host == "192.0.2.3" else 5):
                login = server.connect().start_login("alice", "wrong")
                login.addErrback(lambda _, host=host: order.append(host))
                server.flush()
        before = len(order)
        for _ in range(30):
            server.advance(1)
        self.assertIn("192.0.2.3", order[before : before + 2])

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
