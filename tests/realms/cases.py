"""
Test cases and mixins for realms.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    CachingRealm,
    ISession,
    ISessionRealm,
    LoginRefused,
    Reason,
    Session,
    SessionEnded,
)
from pbrealm.testing import RecordingMind
from tests.avatars import Aware, Player, Slow


class RealmTestCase(SynchronousTestCase):
    """
    Logins to realms, without a server.
    """

    def setUp(self):
        self.clock = Clock()

    def request(self, realm, name="alice", mind=None):
        return realm.requestAvatar(name, mind, pb.IPerspective)

    def session(self, realm, name="alice"):
        _, session, _ = self.successResultOf(self.request(realm, name))
        return session


# What a mixin is mixed into.  At run time that can't be its base: its own tests would run.
if TYPE_CHECKING:
    _TestCase = SynchronousTestCase
    _RealmTestCase = RealmTestCase
else:
    _TestCase = _RealmTestCase = object


@implementer(IRealm)
class HandWrittenRealm:
    """A realm that knows nothing of pbrealm, and answers when the test says so."""

    def __init__(self, slow=False):
        self.slow = slow
        self.asked = []
        self.logouts = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        if pb.IPerspective not in interfaces:
            raise NotImplementedError("perspectives only")
        self.asked.append((avatarId, mind))
        answer = (pb.IPerspective, Player(avatarId), lambda: self.logouts.append(avatarId))
        if self.slow:
            self.pending: Deferred[Any] = Deferred().addCallback(lambda _: answer)
            return self.pending
        return answer


class PassingOnMixin(_RealmTestCase):
    """
    What holds of each realm that passes sessions on to another; C{wrap} puts it around one.
    """

    def wrap(self, realm: IRealm) -> Any:
        raise NotImplementedError

    def test_interfaces(self):
        realm = self.wrap(HandWrittenRealm())
        verifyObject(IRealm, realm)
        verifyObject(ISessionRealm, realm)

    def test_hand_written(self):
        """A hand-written realm gets a string and the mind, and its logout is called once."""
        inner = HandWrittenRealm()
        mind = RecordingMind()
        _, session, logout = self.successResultOf(self.request(self.wrap(inner), b"alice", mind))
        self.assertEqual(inner.asked, [("alice", mind)])
        self.assertEqual(session.avatar.name, "alice")
        logout()
        session.end()
        self.assertEqual(inner.logouts, ["alice"])

    def test_hand_written_too_late(self):
        """A hand-written realm that answers too late is logged out from."""
        inner = HandWrittenRealm(slow=True)
        login = self.request(self.wrap(inner))
        login.cancel()
        self.failureResultOf(login, SessionEnded)
        inner.pending.callback(None)
        self.assertEqual(inner.logouts, ["alice"])

    def test_hand_written_refuses(self):
        inner = HandWrittenRealm(slow=True)
        login = self.request(self.wrap(inner))
        inner.pending.errback(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)

    def test_hand_written_raises(self):
        realm = self.wrap(HandWrittenRealm())
        login = realm.requestAvatar("alice", None, ISessionRealm)
        self.failureResultOf(login, NotImplementedError)


class WrappingMixin(PassingOnMixin):
    """
    What holds of each realm that wraps another; C{wrap} wraps.
    """

    def test_clock_of_the_realm_within(self):
        self.assertIs(self.wrap(CachingRealm(Player, clock=self.clock)).clock, self.clock)
        self.assertIsNone(self.wrap(HandWrittenRealm()).clock)


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


class IAdmin(pb.IPerspective):
    """A perspective with more rights."""


@implementer(IAdmin)
class Admin(Player):
    """The aspect of an avatar for an administrator."""


class Promotable(Aware):
    """An avatar that has an aspect for administrators, too."""

    def __conform__(self, interface):
        return Admin(f"{self.name} the admin") if interface is IAdmin else None


class AvatarMixin(_TestCase):
    """
    What holds of each realm that makes the avatar; C{make} makes the realm.
    """

    def make(self, factory: Callable[..., Any]) -> Any:
        raise NotImplementedError

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

    def test_extended_perspective(self):
        """
        A session also serves an interface that extends IPerspective; it provides the interface,
        and passes calls on to the aspect of the avatar.
        """
        realm = self.make(Promotable)
        interface, session, logout = self.successResultOf(self.request(realm, "alice", IAdmin))
        self.assertIs(interface, IAdmin)
        self.assertIsInstance(session, Session)
        self.assertTrue(IAdmin.providedBy(session))
        verifyObject(ISession, session)
        self.assertIsInstance(session.avatar, Promotable)
        self.assertEqual(self.greeting(session), "<1>hello alice the admin")
        logout()
        self.assertIs(session.ended, Reason.LOGGED_OUT)
        self.assertRaises(SessionEnded, self.greeting, session)
        self.assertFalse(IAdmin.providedBy(self.session(realm)))

    def greeting(self, session):
        """What a client is answered that calls the session."""
        broker = pb.Broker()
        answer = session.perspectiveMessageReceived(
            broker, "greet", broker.serialize(()), broker.serialize({})
        )
        return broker.unserialize(answer)

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
            "tests.avatars.Player can't be adapted to tests.realms.cases.IMailbox",
        )

    def test_no_interface_that_fits_again(self):
        """A login that failed before the avatar was told of it keeps no other waiting."""
        realm = self.make(Aware)
        for _ in range(2):
            self.failureResultOf(self.request(realm, "alice", IMailbox), NotImplementedError)

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

    def test_invalid_avatar_ids(self):
        realm = self.make(Player)
        for name, text in (
            (b"\xff", "the name is not valid UTF-8"),
            (ANONYMOUS, "anonymous logins are not accepted here"),
            (17, "the checker gave builtins.int as the avatar id, not a string"),
        ):
            failure = self.failureResultOf(self.request(realm, name), LoginRefused)
            self.assertEqual(str(failure.value), f"{text} (reason 4)")
