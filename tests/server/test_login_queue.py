"""
The logins that wait because of wrong passwords.
"""

from random import Random
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, reason_of
from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_throttle import LoginThrottle
from pbrealm.testing import MemoryServer
from tests.avatars import Player, Slow
from tests.examples import slow
from tests.server.cases import FromAnyHost, SlowChecker


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
