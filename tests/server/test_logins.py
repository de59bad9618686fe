"""
How many logins and refusals a connection may have.
"""

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    Limits,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    SessionEnded,
    reason_of,
)
from pbrealm._server.logins import Access, Logins
from tests.avatars import Player, Slow
from tests.pitfalls.handwritten import CountingRealm
from tests.server.cases import ServerTestCase


class RefusedLoginsTests(ServerTestCase):
    def test_closed_after_the_last_attempt(self):
        """The third refusal is told, and then the connection closed."""
        client = self.serve(login_attempts=3, throttle_seconds=0)
        for _ in range(3):
            self.assertTrue(client.connected)
            with self.assertRaises(pb.RemoteError) as caught:
                client.login("alice", "wrong")
            self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.WrongCredentials")
        self.server.advance(0)
        self.assertFalse(client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_closed_at_the_first_refusal(self):
        client = self.serve(login_attempts=1)
        with self.assertRaises(pb.RemoteError):
            client.login("alice", "wrong")
        self.server.flush()
        self.assertFalse(client.connected)

    def test_success_resets_the_count(self):
        client = self.serve(login_attempts=2, throttle_seconds=0)
        for _ in range(3):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
            self.held = client.login("alice", "secret")
        self.assertTrue(client.connected)

    def test_stays_open_while_a_login_is_alive(self):
        """A connection on which a login is alive isn't closed, but there are no more tries."""
        client = self.serve(login_attempts=2, throttle_seconds=0)
        self.held = client.login("alice", "secret")
        kinds = []
        for _ in range(4):
            failure = self.refusal(client.start_login("alice", "wrong"))
            kinds.append(failure.type)
        self.server.advance(10)
        self.assertTrue(client.connected)
        self.assertEqual(client.call(self.held, "greet"), "<1>hello alice")
        self.assertEqual(
            kinds,
            [b"pbrealm.errors.WrongCredentials"] * 2 + [b"pbrealm.errors.LoginRefused"] * 2,
        )

    def test_anonymous_login_does_not_reset_the_count(self):
        """Anybody can log in so, and it would allow any number of passwords to be tried."""
        guests = AnonymousRealm(CachingRealm(Player), CachingRealm(Player))
        client = self.serve(MindTrackingRealm(guests), login_attempts=3, throttle_seconds=0)
        for _ in range(3):
            self.held = client.login()
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("alice", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.LoginRefused")


class ChallengesTests(ServerTestCase):
    def test_unanswered_challenges_are_limited(self):
        """Challenges that nobody answers don't pile up."""
        client = self.serve(logins=3, login_attempts=1)
        self.held = [self.challenge(client) for _ in range(3)]
        with self.assertRaises(pb.RemoteError):
            self.challenge(client)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_answered_challenges_do_not_count(self):
        client = self.serve(logins=2)
        self.held = client.login("alice", "secret")
        for _ in range(5):
            again = client.login("alice", "secret")
            del again
            self.server.flush()

    def test_dropped_challenges_do_not_count(self):
        client = self.serve(logins=3, login_attempts=1)
        root = client.wait(client.factory.getRootObject())
        for _ in range(9):
            client.call(root, "login", b"alice")
            self.server.flush()
        self.held = client.login("alice", "secret")


class AliveLoginsTests(ServerTestCase):
    def test_number_of_logins_is_limited(self):
        client = self.serve(logins=2)
        self.held = [client.login("alice", "secret") for _ in range(2)]
        failure = self.refusal(client.start_login("alice", "secret"))
        failure.trap("pbrealm.errors.LoginRefused")
        self.held.pop()
        self.held.append(client.login("alice", "secret"))
        self.assertEqual(len(self.realm.sessions()), 2)

    def test_pending_logins_count(self):
        slow = Slow(Player)
        client = self.serve(MindTrackingRealm(CachingRealm(slow)), logins=2)
        logins = [client.start_login("alice", "secret") for _ in range(3)]
        self.server.flush()
        self.failureResultOf(logins[2]).trap("pbrealm.errors.LoginRefused")
        slow.finish()
        self.held = [client.wait(login) for login in logins[:2]]

    def test_hand_written_realm(self):
        """A hand-written realm is served with the same bounds, and logged out from once."""
        realm = CountingRealm(max=9)
        client = self.serve(realm, logins=2, login_seconds=30, ping_interval=0)
        self.held = [client.login("alice", "secret") for _ in range(2)]
        self.refusal(client.start_login("alice", "secret")).trap("pbrealm.errors.LoginRefused")
        (avatar,) = realm.avatars.values()
        self.held.pop()
        self.server.flush()
        self.assertEqual(avatar.connections, 1)
        self.held.pop()
        self.server.flush()
        self.assertEqual(avatar.connections, 0)
        self.server.advance(30)
        self.assertFalse(client.connected)
        self.assertEqual(avatar.connections, 0)


class LoginsTests(SynchronousTestCase):
    """
    L{Logins} by itself.
    """

    def logins(self, **limits):
        return Logins(Limits(**limits))

    def log_in(self, logins, *, forgive=True):
        logins.succeeded(logins.begin(), forgive=forgive)

    def test_access(self):
        """What the client may do, from one login to the next."""
        logins = self.logins()
        seen = [logins.access]
        self.log_in(logins)
        seen.append(logins.access)
        logins.ended(Reason.LOGGED_OUT)
        seen.append(logins.access)
        self.log_in(logins)
        before = logins.begin()
        logins.ended(Reason.KICKED)
        seen.append(logins.access)
        logins.succeeded(before, forgive=True)
        seen.append(logins.access)
        self.assertEqual(
            seen,
            [
                Access.UNAUTHENTICATED,
                Access.LOGGED_IN,
                Access.LOGGED_OUT,
                Access.REVOKED,
                Access.LOGGED_IN,
            ],
        )

    def test_revoked_connection_takes_no_login(self):
        """It is about to be closed; a login that began before goes on."""
        logins = self.logins()
        self.log_in(logins)
        logins.ended(Reason.KICKED)
        error = self.assertRaises(SessionEnded, logins.begin)
        self.assertIs(reason_of(error), Reason.KICKED)

    def test_last_end_decides(self):
        """While another login is alive, nothing is revoked."""
        logins = self.logins()
        for _ in range(2):
            self.log_in(logins)
        logins.ended(Reason.KICKED)
        self.assertIs(logins.access, Access.LOGGED_IN)
        logins.ended(Reason.LOGGED_OUT)
        self.assertIs(logins.access, Access.LOGGED_OUT)

    def test_may_call(self):
        logins = self.logins()
        self.assertRaises(LoginRefused, logins.check_may_call)
        self.log_in(logins)
        logins.check_may_call()
        logins.ended(Reason.LOGGED_OUT)
        logins.check_may_call()
        self.log_in(logins)
        logins.ended(Reason.TOO_SLOW)
        error = self.assertRaises(SessionEnded, logins.check_may_call)
        self.assertIs(reason_of(error), Reason.TOO_SLOW)

    def test_may_call_during_a_login(self):
        """
        While its avatar attaches, the client may call what the avatar has passed to it.

        While a checker decides on it, it may not.
        """
        logins = self.logins()
        login = logins.begin()
        self.assertTrue(logins.may_only_log_in)
        self.assertRaises(LoginRefused, logins.check_may_call)
        for _ in range(2):
            logins.authenticate(login)
        self.assertFalse(logins.may_only_log_in)
        logins.check_may_call()
        logins.failed(login)
        self.assertTrue(logins.may_only_log_in)
        self.assertRaises(LoginRefused, logins.check_may_call)

    def test_idle(self):
        logins = self.logins()
        self.assertTrue(logins.idle)
        login = logins.begin()
        self.assertFalse(logins.idle)
        logins.succeeded(login, forgive=True)
        self.assertFalse(logins.idle)
        logins.ended(Reason.KICKED)
        self.assertTrue(logins.idle)

    def test_number(self):
        """Pending logins and those that are alive count together."""
        logins = self.logins(logins=2)
        self.log_in(logins)
        login = logins.begin()
        self.assertRaises(LoginRefused, logins.begin)
        logins.failed(login)
        logins.begin()

    def test_challenges(self):
        logins = self.logins(logins=2)
        for _ in range(2):
            logins.begin_challenge()
        self.assertRaises(LoginRefused, logins.begin_challenge)
        logins.end_challenge()
        logins.begin_challenge()

    def test_refusals(self):
        """Only a login that proves who the client is resets their count."""
        logins = self.logins(login_attempts=2)
        for forgive in (True, False):
            logins.failed(logins.begin())
            self.assertFalse(logins.exhausted)
            self.log_in(logins, forgive=forgive)
        logins.refuse()
        self.assertTrue(logins.exhausted)
        self.assertRaises(LoginRefused, logins.begin)

    def test_final_refusal(self):
        logins = self.logins(login_attempts=5)
        logins.refuse(finally_=True)
        self.assertTrue(logins.exhausted)
