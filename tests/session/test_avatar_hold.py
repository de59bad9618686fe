"""
A session's hold on its avatar: attach, detach and logout.
"""

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import IClientAware, Reason, Session, SessionEnded, reason_of
from pbrealm._session.avatar_hold import AvatarHold
from pbrealm.testing import RecordingMind
from tests.avatars import Aware, Player, SlowToAttach
from tests.session.cases import SessionTestCase


class AttachTests(SessionTestCase):
    """
    Avatars that take their time to attach, or won't.
    """

    avatar_factory = SlowToAttach

    def setUp(self):
        super().setUp()
        self.login = self.client.start_login("alice", "secret", RecordingMind())
        self.server.flush()
        (self.avatar,) = self.caching.avatars.values()
        (((self.session,), _),) = self.avatar.attaching.calls

    def test_login_waits(self):
        self.assertNoResult(self.login)
        self.assertEqual(self.realm.sessions(), ())
        self.avatar.attaching.finish()
        self.server.flush()
        self.assertIsInstance(self.successResultOf(self.login), pb.RemoteReference)
        self.assertEqual(self.realm.sessions(), (self.session,))

    def test_attach_fails(self):
        """The login fails with what the attach failed with, and there is no detach."""
        self.avatar.attaching.fail(pb.Error("not today"))
        self.server.flush()
        self.assertEqual(self.failureResultOf(self.login).value, "not today")
        self.assertIs(self.session.ended, Reason.REFUSED)
        self.assertEqual(self.avatar.history, [])
        self.assertTrue(self.client.connected)

    def test_end_while_attaching(self):
        """The login fails at once; the detach follows the attach, whenever that's done."""
        self.session.end(Reason.REPLACED)
        self.server.flush()
        failure = self.failureResultOf(self.login)
        failure.trap("pbrealm.errors.SessionEnded")
        self.assertIs(reason_of(failure), Reason.REPLACED)
        self.assertEqual(self.avatar.history, [])
        self.avatar.attaching.finish()
        self.assertEqual([entry[0] for entry in self.avatar.history], ["attached", "detached"])

    def test_late_failure(self):
        """An attach that fails when the session is over is logged, and not detached from."""
        self.session.end()
        self.avatar.attaching.fail(ZeroDivisionError())
        self.server.flush()
        self.failureResultOf(self.login)
        self.assertEqual(self.avatar.history, [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_cancel(self):
        """A login that nobody waits for any more ends its session."""
        asked = self.realm.requestAvatar("bob", None, pb.IPerspective)
        asked.cancel()
        self.failureResultOf(asked, SessionEnded)
        self.caching.avatars["bob"].attaching.finish()
        self.assertEqual(self.caching.avatars["bob"].clients, [])


class EndsItselfWhileAttaching(Aware):
    def attached(self, session):
        super().attached(session)
        session.end(Reason.KICKED)


class EndDuringAttachTests(SessionTestCase):
    avatar_factory = EndsItselfWhileAttaching

    def test_it_ends(self):
        with self.assertRaises(pb.RemoteError) as caught:
            self.log_in()
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        avatar = self.caching.avatars["alice"]
        self.assertEqual([entry[0] for entry in avatar.history], ["attached", "detached"])


class DetachTests(SessionTestCase):
    def test_detach_fails(self):
        """An avatar that fails to detach is logged, and let go of like another."""
        session = self.log_in()
        session.avatar.detached = lambda *_: 1 / 0
        over = session.end()
        self.server.advance(60)
        self.assertIsNone(self.successResultOf(over))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


@implementer(IClientAware)
class Recorder:
    """An avatar that records what it is called for, and answers what the test gives it."""

    def __init__(self, calls, attaching=None, detaching=None):
        self.calls = calls
        self.attaching = attaching
        self.detaching = detaching

    def attached(self, session):
        self.calls.append("attached")
        return self.attaching

    def detached(self, session, reason):
        self.calls.append(reason)
        return self.detaching


class AvatarHoldTests(SynchronousTestCase):
    """
    L{AvatarHold} by itself.
    """

    def setUp(self):
        self.calls = []

    def hold(self, avatar):
        session = Session("alice", None, Clock())
        return AvatarHold(session, avatar, lambda: self.calls.append("logout"))

    def test_attach_and_release(self):
        hold = self.hold(Recorder(self.calls))
        self.assertIsNone(self.successResultOf(hold.attach()))
        self.successResultOf(hold.release(Reason.KICKED))
        self.assertEqual(self.calls, ["attached", Reason.KICKED, "logout"])

    def test_released_once(self):
        """Another release does nothing, whether the first is done or under way."""
        detaching: Deferred[Any] = Deferred()
        hold = self.hold(Recorder(self.calls, None, detaching))
        hold.attach()
        released: Any = hold.release(Reason.KICKED)
        self.assertIsNone(hold.release(Reason.REPLACED))
        detaching.callback(None)
        self.successResultOf(released)
        self.assertIsNone(hold.release(Reason.REPLACED))
        self.assertEqual(self.calls, ["attached", Reason.KICKED, "logout"])

    def test_released_while_attaching(self):
        """The avatar is detached once it has attached."""
        attaching: Deferred[Any] = Deferred()
        hold = self.hold(Recorder(self.calls, attaching))
        hold.attach()
        released = hold.release(Reason.KICKED)
        self.assertEqual(self.calls, ["attached"])
        self.assertNoResult(released)
        attaching.callback(None)
        self.assertEqual(self.calls, ["attached", Reason.KICKED, "logout"])
        self.successResultOf(released)

    def test_attach_fails_after_the_release(self):
        """There is no detach, but a logout."""
        attaching: Deferred[Any] = Deferred()
        hold = self.hold(Recorder(self.calls, attaching))
        attached = hold.attach()
        hold.release(Reason.KICKED)
        attaching.errback(ZeroDivisionError())
        self.failureResultOf(attached, ZeroDivisionError)
        self.assertEqual(self.calls, ["attached", "logout"])

    def test_unaware_avatar(self):
        """An avatar that isn't an IClientAware is only logged out from."""
        hold = self.hold(Player("alice"))
        self.assertIsNone(hold.attach())
        self.assertIsNone(hold.release(Reason.KICKED))
        self.assertEqual(self.calls, ["logout"])

    def test_detach_fails(self):
        """The failure is logged, and the logout follows."""
        hold = self.hold(Recorder(self.calls, None, fail(ZeroDivisionError())))
        hold.attach()
        self.successResultOf(hold.release(Reason.KICKED))
        self.assertEqual(self.calls, ["attached", Reason.KICKED, "logout"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_logout_fails(self):
        hold = AvatarHold(Session("alice", None, Clock()), Player("alice"), lambda: 1 / 0)
        self.assertIsNone(hold.release(Reason.KICKED))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_logout_that_takes_time(self):
        """The logout of an enclosed session takes as long as its end."""
        pending: Deferred[Any] = Deferred()
        hold = AvatarHold(Session("alice", None, Clock()), Player("alice"), lambda: pending)
        released: Any = hold.release(Reason.KICKED)
        self.assertNoResult(released)
        pending.callback(None)
        self.successResultOf(released)

    def test_attached_twice(self):
        """It would be a bug, and is an error."""
        hold = self.hold(Recorder(self.calls))
        hold.attach()
        self.assertRaises(AssertionError, hold.attach)
