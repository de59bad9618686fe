"""
A session's hold on its avatar: attach, detach and logout.
"""

from twisted.spread import pb

from pbrealm import Reason, SessionEnded, reason_of
from pbrealm.testing import RecordingMind
from tests.avatars import Aware, SlowToAttach
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
        (self.avatar,) = self.realm.realm.avatars.values()
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
        self.realm.realm.avatars["bob"].attaching.finish()
        self.assertEqual(self.realm.realm.avatars["bob"].clients, [])


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
        avatar = self.realm.realm.avatars["alice"]
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
