"""
Enclosed sessions: a hand-written realm between two of pbrealm's.
"""

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, MindTrackingRealm, Reason
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Aware
from tests.realms.cases import IAdmin


@implementer(IRealm)
class HandWrittenRealm:
    """
    A hand-written realm around another, for example for auditing.
    """

    def __init__(self, realm):
        self.realm = realm
        self.minds = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.minds.append(mind)
        return self.realm.requestAvatar(avatarId, mind, *interfaces)


class EnclosedSessionTests(SynchronousTestCase):
    """
    A hand-written realm between two of pbrealm: one login and two sessions, which end together.
    """

    def setUp(self):
        caching = CachingRealm(Aware)
        self.inner = MindTrackingRealm(caching)
        self.hand_written = HandWrittenRealm(self.inner)
        self.outer = MindTrackingRealm(self.hand_written)
        self.server = MemoryServer(self.outer, clock=Clock())
        self.client = self.server.connect()
        self.mind = RecordingMind()
        self.reference = self.client.login("alice", "secret", self.mind)
        (self.outer_session,) = self.outer.sessions()
        (self.inner_session,) = self.inner.sessions()
        self.avatar: Any
        (self.avatar,) = caching.avatars.values()

    def test_one_avatar_and_two_sessions(self):
        self.assertIs(self.outer_session.avatar, self.avatar)
        self.assertEqual(self.inner.sessions("alice"), (self.inner_session,))
        self.assertEqual(self.avatar.history, [("attached", self.inner_session)])
        self.assertEqual(self.client.call(self.reference, "who"), self.inner_session.id)

    def test_plain_mind(self):
        """The hand-written realm gets the mind as it would under plain PB."""
        self.assertEqual(type(self.hand_written.minds[0]), pb.RemoteReference)

    def check_end(self, session):
        session.end(Reason.KICKED)
        self.assertIs(self.outer_session.ended, Reason.KICKED)
        self.assertIs(self.inner_session.ended, Reason.KICKED)
        self.server.advance(60)
        self.assertEqual(len(self.mind.goodbyes()), 1)
        self.assertFalse(self.client.connected)
        self.assertEqual([entry[0] for entry in self.avatar.history], ["attached", "detached"])

    def test_outer_ends(self):
        self.check_end(self.outer_session)

    def test_inner_ends(self):
        self.check_end(self.inner_session)

    def test_text_of_the_inner_end(self):
        self.inner_session.end(text="Come back on Monday.")
        self.server.flush()
        self.assertEqual(self.mind.goodbyes(), [(5, "Come back on Monday.", False)])

    def test_end_waits_for_detached(self):
        """The end of the outer session includes that of the inner one."""
        detaching: Deferred[Any] = Deferred()
        self.avatar.detached = lambda *_: detaching
        over = self.outer_session.end()
        self.server.advance(60)
        self.assertNoResult(over)
        detaching.callback(None)
        self.successResultOf(over)

    def test_disconnect(self):
        self.client.drop()
        self.assertEqual(
            (self.outer_session.ended, self.inner_session.ended), (Reason.DISCONNECTED,) * 2
        )


@implementer(IAdmin)
class AwareAdmin(Aware):
    """An administrator who is told of clients."""


class EnclosedPerspectiveTests(SynchronousTestCase):
    """
    The same where the login asks for an interface that extends IPerspective.
    """

    def test_attached_once(self):
        caching = CachingRealm(AwareAdmin)
        outer = MindTrackingRealm(HandWrittenRealm(caching), clock=Clock())
        login = outer.requestAvatar("alice", None, IAdmin)
        interface, session, _ = self.successResultOf(login)
        self.assertEqual((interface, outer.sessions()), (IAdmin, (session,)))
        avatar = caching.avatars["alice"]
        self.assertIs(session.avatar, avatar)
        session.end()
        self.assertEqual([entry[0] for entry in avatar.history], ["attached", "detached"])
