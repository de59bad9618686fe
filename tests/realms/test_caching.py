"""
One avatar for each avatar id.
"""

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm
from pbrealm.testing import MemoryServer
from tests.avatars import Aware, Player, Slow
from tests.realms.cases import AvatarMixin, IMailbox


class Misfit(Aware):
    """An avatar whose adaptation fails."""

    def __conform__(self, interface):
        raise ZeroDivisionError


class CachingTests(AvatarMixin, SynchronousTestCase):
    def make(self, factory, **options):
        return CachingRealm(factory, **options)

    def test_one_avatar(self):
        realm = self.make(Player)
        self.assertIs(self.session(realm).avatar, self.session(realm).avatar)
        self.assertIsNot(self.session(realm).avatar, self.session(realm, "bob").avatar)

    def test_one_creation(self):
        """Logins that come while the avatar is being made share it."""
        slow = Slow(Player)
        realm = self.make(slow)
        logins = [self.request(realm) for _ in range(3)]
        self.assertEqual(len(slow.calls), 1)
        self.assertEqual(dict(realm.avatars), {})
        slow.finish()
        avatars = {self.successResultOf(login)[1].avatar for login in logins}
        self.assertEqual(avatars, {realm.avatars["alice"]})

    def test_one_failure(self):
        slow = Slow(Player)
        realm = self.make(slow)
        logins = [self.request(realm) for _ in range(3)]
        slow.fail(ZeroDivisionError())
        for login in logins:
            self.failureResultOf(login, ZeroDivisionError)
        self.assertEqual(dict(realm.avatars), {})

    def test_adapter_fails(self):
        """An avatar whose adapter fails isn't held by the login, and can linger and go."""
        realm = self.make(Misfit, linger=10, clock=(clock := Clock()))
        self.failureResultOf(self.request(realm, "alice", IMailbox), ZeroDivisionError)
        clock.advance(10)
        self.assertEqual(dict(realm.avatars), {})

    def test_failure_that_no_login_waits_for(self):
        """A creation that fails when nobody waits for it any more is logged."""
        slow = Slow(Player)
        realm = self.make(slow)
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.fail(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_avatar_that_no_login_waits_for(self):
        """A creation that succeeds when nobody waits for it any more is kept like another."""
        slow = Slow(Player)
        realm = self.make(slow, linger=10, clock=Clock())
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.finish()
        self.assertEqual(list(realm.avatars), ["alice"])
        realm.clock.advance(10)
        self.assertEqual(list(realm.avatars), [])

    def test_avatars_is_read_only(self):
        realm = self.make(Player)
        self.session(realm)
        with self.assertRaises(TypeError):
            realm.avatars["alice"] = None

    def test_kept_for_ever_by_default(self):
        realm = self.make(Player)
        avatar = self.session(realm).avatar
        self.session(realm).end()
        self.assertIs(realm.avatars["alice"], avatar)

    def test_linger(self):
        """An avatar stays for so long after its last session; a new session cancels that."""
        clock = Clock()
        realm = self.make(Player, linger=10, clock=clock)
        first, second = self.session(realm), self.session(realm)
        avatar = first.avatar
        first.end()
        clock.advance(20)
        self.assertIn("alice", realm.avatars)
        second.end()
        clock.advance(9)
        third = self.session(realm)
        self.assertIs(third.avatar, avatar)
        clock.advance(20)
        third.end()
        clock.advance(10)
        self.assertNotIn("alice", realm.avatars)
        self.assertIsNot(self.session(realm).avatar, avatar)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_linger_by_the_servers_clock(self):
        """A realm that was given no clock goes by that of its sessions."""
        realm = self.make(Player, linger=5)
        server = MemoryServer(realm)
        client = server.connect()
        self.held = client.login("alice", "secret")
        client.drop()
        self.assertIn("alice", realm.avatars)
        server.advance(5)
        self.assertNotIn("alice", realm.avatars)

    def test_no_linger(self):
        realm = self.make(Player, linger=0)
        self.session(realm).end()
        self.assertEqual(dict(realm.avatars), {})

    def test_stays_until_detached(self):
        """The realm keeps an avatar that is still detaching, and makes no second one."""
        realm = self.make(Aware, linger=0)
        slow = Slow(lambda *_: None)
        session = self.session(realm)
        avatar = session.avatar
        avatar.detached = slow
        session.end()
        login = realm.requestAvatar("alice", None, pb.IPerspective)
        slow.finish()
        self.assertIs(self.successResultOf(login)[1].avatar, avatar)
        self.assertIs(realm.avatars["alice"], avatar)

    def test_max_avatars(self):
        """Of the avatars without sessions, the one without them for longest goes first."""
        realm = self.make(Player, max_avatars=2)
        sessions = {name: self.session(realm, name) for name in "abcd"}
        for name in "bac":
            sessions[name].end()
        self.assertEqual(sorted(realm.avatars), ["a", "c", "d"])
        again = self.session(realm, "a")
        sessions["d"].end()
        self.assertEqual(sorted(realm.avatars), ["a", "c", "d"])
        again.end()
        self.assertEqual(sorted(realm.avatars), ["a", "d"])

    def test_evict(self):
        """An evicted avatar stays with those who hold it, and doesn't disturb its successor."""
        realm = self.make(Player, linger=0)
        old = self.session(realm)
        self.assertTrue(realm.evict("alice"))
        self.assertFalse(realm.evict("alice"))
        new = self.session(realm)
        self.assertIsNot(new.avatar, old.avatar)
        old.end()
        self.assertIs(realm.avatars["alice"], new.avatar)

    def test_evict_during_creation(self):
        slow = Slow(Player)
        realm = self.make(slow)
        login = self.request(realm)
        self.assertTrue(realm.evict("alice"))
        slow.finish()
        self.successResultOf(login)
        self.assertEqual(dict(realm.avatars), {})

    def test_bad_options(self):
        for options in ({"linger": -1}, {"max_avatars": -1}):
            with self.assertRaises(ValueError):
                self.make(Player, **options)
