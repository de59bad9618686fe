"""
Whose session it is that a hand-written realm returns the aspect of.
"""

import gc
from typing import Any

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, DisposableRealm, Reason, Session
from pbrealm._session.given_aspects import _given, take_session
from tests.realms.cases import IMailbox, Mailbox, Postal


class SharedMailbox(Postal):
    """An avatar whose sessions get one aspect."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.mailbox = Mailbox(self)

    def __conform__(self, interface: Any) -> Any:
        return self.mailbox if interface is IMailbox else None


class GivenAspectsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.realm = CachingRealm(SharedMailbox, clock=self.clock)

    def request(self, mind: Any = None, realm: Any = None) -> Any:
        """
        @return: the aspect, the logout, and the session.
        """
        login = (realm or self.realm).requestAvatar("alice", mind, IMailbox)
        _, aspect, logout = self.successResultOf(login)
        return aspect, logout, logout.__self__

    def test_by_the_aspect(self) -> None:
        mailbox, _, session = self.request()
        self.assertIs(take_session(mailbox, lambda: None, None), session)

    def test_another_object(self) -> None:
        self.held = self.request()
        self.assertIsNone(take_session(Mailbox(None), lambda: None, None))

    def test_session(self) -> None:
        """A session needs no aspect to be found by."""
        login = self.realm.requestAvatar("alice", None, pb.IPerspective)
        _, session, _ = self.successResultOf(login)
        self.assertIsInstance(session, Session)
        self.assertIs(take_session(session, lambda: None, None), session)

    def test_once(self) -> None:
        """A session is behind one login."""
        mailbox, logout, session = self.request()
        self.assertIs(take_session(mailbox, logout, None), session)
        self.assertIsNone(take_session(mailbox, logout, None))

    def test_several(self) -> None:
        """The logout decides, then the mind; else the newest session is taken."""
        minds = [pb.RemoteReference(pb.Referenceable(), None, 1, 0) for _ in range(2)]
        (mailbox, first, one), (_, _, two), (_, _, three), (_, _, four) = (
            self.request(mind) for mind in (None, *minds, None)
        )
        self.assertIs(take_session(mailbox, lambda: None, minds[0]), two)
        self.assertIs(take_session(mailbox, first, minds[1]), one)
        self.assertIs(take_session(mailbox, lambda: None, None), four)
        self.assertIs(take_session(mailbox, lambda: None, None), three)

    def test_ended(self) -> None:
        """A session that was kicked is still behind its aspect; one that was logged out isn't."""
        mailbox, _, session = self.request()
        _, logout, _ = self.request()
        session.end(Reason.KICKED)
        logout()
        self.assertIs(take_session(mailbox, lambda: None, None), session)
        self.assertIsNone(take_session(mailbox, lambda: None, None))

    def test_nothing_is_left(self) -> None:
        realm = DisposableRealm(Postal, clock=self.clock)
        gc.collect()
        before = len(_given)
        for _ in range(20):
            self.request(realm=realm)[1]()
        gc.collect()
        self.assertEqual(len(_given), before)
