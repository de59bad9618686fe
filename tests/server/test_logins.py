"""
How many logins and refusals a connection may have.
"""

from twisted.spread import pb

from pbrealm import AnonymousRealm, CachingRealm, MindTrackingRealm
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
