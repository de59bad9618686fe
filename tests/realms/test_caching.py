"""
The realms that find the avatar: caching, shared state, disposable.
"""

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.task import Clock, deferLater
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    CachingRealm,
    DisposableRealm,
    ISessionRealm,
    LoginRefused,
    Session,
    SharedStateRealm,
)
from pbrealm.testing import MemoryServer
from tests.avatars import Aware, Player, Slow


class IMailbox(Interface):
    """Another aspect of an avatar."""


@implementer(IMailbox)
class Mailbox:
    def __init__(self, owner):
        self.owner = owner


class Postal(Aware):
    """An avatar that has a mailbox, too."""

    def __conform__(self, interface):
        return Mailbox(self) if interface is IMailbox else None


class FindingMixin:
    """
    What holds of each of the three; C{make} makes the realm.
    """

    def request(self, realm, name="alice", *interfaces):
        return realm.requestAvatar(name, None, *(interfaces or (pb.IPerspective,)))

    def session(self, realm, name="alice"):
        _, session, _ = self.successResultOf(self.request(realm, name))
        return session

    def test_interfaces(self):
        realm = self.make(Player)
        verifyObject(IRealm, realm)
        verifyObject(ISessionRealm, realm)

    def test_perspective(self):
        interface, session, logout = self.successResultOf(self.request(self.make(Player)))
        self.assertIs(interface, pb.IPerspective)
        self.assertIsInstance(session, Session)
        self.assertIsInstance(session.avatar, Player)
        self.assertEqual(session.avatar_id, "alice")
        logout()
        self.assertIsNotNone(session.ended)

    def test_other_interface(self):
        """Another interface is answered by the avatar, adapted; the logout ends the session."""
        realm = self.make(Postal)
        interface, mailbox, logout = self.successResultOf(self.request(realm, "alice", IMailbox))
        self.assertIs(interface, IMailbox)
        self.assertIsInstance(mailbox, Mailbox)
        avatar = mailbox.owner
        self.assertEqual(len(avatar.clients), 1)
        logout()
        self.assertEqual(avatar.clients, [])

    def test_first_interface_that_fits(self):
        realm = self.make(Player)
        interface, _, _ = self.successResultOf(
            self.request(realm, "alice", IMailbox, pb.IPerspective)
        )
        self.assertIs(interface, pb.IPerspective)

    def test_no_interface_that_fits(self):
        failure = self.failureResultOf(
            self.request(self.make(Player), "alice", IMailbox), NotImplementedError
        )
        self.assertEqual(
            str(failure.value),
            "tests.avatars.Player can't be adapted to tests.realms.test_caching.IMailbox",
        )

    def test_coroutine(self):
        """A factory may be a coroutine function."""
        clock = Clock()

        async def make(name, *state):
            await deferLater(clock, 1, lambda: None)
            return Player(name)

        login = self.request(self.make(make))
        self.assertNoResult(login)
        clock.advance(1)
        _, session, _ = self.successResultOf(login)
        self.assertEqual(session.avatar.name, "alice")

    def test_factory_fails(self):
        """The login fails with what the factory failed with, and the next one tries again."""
        slow = Slow(Player)
        realm = self.make(lambda name, *state: slow(name))
        login = self.request(realm)
        slow.fail(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)
        again = self.request(realm)
        slow.finish()
        self.successResultOf(again)

    def test_factory_raises(self):
        realm = self.make(lambda *_: 1 / 0)
        self.failureResultOf(self.request(realm), ZeroDivisionError)
        self.failureResultOf(self.request(realm), ZeroDivisionError)

    def test_bytes_are_decoded(self):
        self.assertEqual(self.session(self.make(Player), "zoë".encode()).avatar_id, "zoë")

    def test_names_that_are_none(self):
        realm = self.make(Player)
        for name, text in (
            (b"\xff", "the name is not valid UTF-8"),
            (ANONYMOUS, "anonymous logins are not accepted here"),
            (17, "the checker gave builtins.int as the avatar id, not a string"),
        ):
            failure = self.failureResultOf(self.request(realm, name), LoginRefused)
            self.assertEqual(str(failure.value), f"{text} (reason 4)")


class CachingTests(FindingMixin, SynchronousTestCase):
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

    def test_failure_for_nobody(self):
        """A creation that fails when nobody waits for it any more is logged."""
        slow = Slow(Player)
        realm = self.make(slow)
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.fail(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_kept_for_nobody(self):
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

    def test_for_good(self):
        realm = self.make(Player)
        avatar = self.session(realm).avatar
        self.session(realm).end()
        self.assertIs(realm.avatars["alice"], avatar)

    def test_linger(self):
        """An avatar stays for so long after its last session, and a new one stops the clock."""
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
        """An avatar that is still detaching isn't let go of: there's no second one meanwhile."""
        realm = self.make(Aware, linger=0)
        slow = Slow(lambda *_: None)
        session = self.session(realm)
        avatar = session.avatar
        avatar.detached = slow
        session.end()
        self.assertIs(self.session(realm).avatar, avatar)
        slow.finish()
        self.assertIs(realm.avatars["alice"], avatar)

    def test_max_avatars(self):
        """Of those with nobody on them, the one that was left longest ago goes first."""
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


class SharedStateTests(FindingMixin, SynchronousTestCase):
    def make(self, factory, state_factory=list, **options):
        def make_avatar(name, state):
            avatar = factory(name)
            if isinstance(avatar, Player):
                avatar.state = state
            return avatar

        return SharedStateRealm(make_avatar, state_factory, **options)

    def test_one_state(self):
        """Each login gets an avatar of its own, over one state."""
        realm = self.make(Player)
        one, two, other = (self.session(realm, name).avatar for name in ("alice", "alice", "bob"))
        self.assertIsNot(one, two)
        self.assertIs(one.state, two.state)
        self.assertIs(one.state, realm.states["alice"])
        self.assertIsNot(one.state, other.state)

    def test_state_is_made_once(self):
        slow = Slow(list)
        realm = self.make(Player, slow)
        logins = [self.request(realm) for _ in range(2)]
        self.assertEqual(len(slow.calls), 1)
        slow.finish()
        one, two = (self.successResultOf(login)[1].avatar for login in logins)
        self.assertIs(one.state, two.state)

    def test_avatar_fails(self):
        """An avatar that fails to be made has no hold on the state."""
        slow = Slow(Player)
        realm = self.make(slow, linger=0)
        login = self.request(realm)
        self.assertEqual(list(realm.states), ["alice"])
        slow.fail(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)
        self.assertEqual(list(realm.states), [])

    def test_linger_and_max(self):
        clock = Clock()
        realm = self.make(Player, linger=10, max_states=1, clock=clock)
        for name in "ab":
            self.session(realm, name).end()
        self.assertEqual(list(realm.states), ["b"])
        clock.advance(10)
        self.assertEqual(list(realm.states), [])
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_evict(self):
        realm = self.make(Player)
        self.session(realm)
        self.assertTrue(realm.evict("alice"))
        self.assertEqual(dict(realm.states), {})


class DisposableTests(FindingMixin, SynchronousTestCase):
    def make(self, factory):
        return DisposableRealm(factory)

    def test_one_each(self):
        realm = self.make(Player)
        self.assertIsNot(self.session(realm).avatar, self.session(realm).avatar)

    def test_fails_too_late(self):
        """A factory that fails when the client is gone fails for nobody, and is logged."""
        slow = Slow()
        login = self.request(self.make(slow))
        login.cancel()
        self.failureResultOf(login)
        slow.fail(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_too_late(self):
        """An avatar that is made when the session is over is nobody's."""
        slow = Slow()
        made = []
        slow.make = lambda name: made.append(Aware(name)) or made[-1]
        realm = self.make(slow)
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.finish()
        self.assertEqual(made[0].history, [])
