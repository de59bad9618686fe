"""
Realms that subclass those of pbrealm.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from zope.interface import Interface

from pbrealm import CachingRealm, ISession, LoginRefused, Reason, SessionEnded
from pbrealm.realms import WrappingRealm
from pbrealm.testing import MemoryServer
from tests.avatars import Aware, Player, Slow
from tests.realms.cases import RealmTestCase, WrappingMixin


class MembersRealm(WrappingRealm):
    """Asks elsewhere whether a session may log in, and counts the sessions that did."""

    def __init__(self, realm: IRealm) -> None:
        super().__init__(realm)
        self.asked: list[Deferred[bool]] = []
        self.open = 0

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        answer: Deferred[bool] = Deferred()
        self.asked.append(answer)
        if not await session.wait(answer):
            raise LoginRefused("members only")
        found = await super().admit(session, interfaces)
        self.open += 1
        session.on_end(self.ended)
        return found

    def ended(self, session: ISession, reason: Reason) -> None:
        self.open -= 1


_requester: ContextVar[str | None] = ContextVar("requester", default=None)


class ContextRealm(WrappingRealm):
    """Sets a context variable while a session is admitted."""

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        token = _requester.set(session.avatar_id)
        try:
            return await super().admit(session, interfaces)
        finally:
            _requester.reset(token)


class WrappingRealmTests(WrappingMixin, RealmTestCase):
    """
    The base class as it is passes everything on.
    """

    def wrap(self, realm: IRealm) -> WrappingRealm:
        return WrappingRealm(realm)

    def test_session_of_the_realm_within(self) -> None:
        inner = CachingRealm(Player, clock=self.clock)
        session = self.session(self.wrap(inner))
        self.assertIs(session.avatar, inner.avatars["alice"])


class SubclassTests(RealmTestCase):
    """
    A subclass that overrides C{admit}, and awaits that of the base class.
    """

    def setUp(self) -> None:
        super().setUp()
        self.inner = CachingRealm(Aware, clock=self.clock)
        self.realm = MembersRealm(self.inner)

    def test_admitted(self) -> None:
        login = self.request(self.realm)
        self.assertNoResult(login)
        self.assertEqual(dict(self.inner.avatars), {})
        self.realm.asked.pop().callback(True)
        _, session, logout = self.successResultOf(login)
        self.assertIs(session.avatar, self.inner.avatars["alice"])
        self.assertEqual(self.realm.open, 1)
        logout()
        self.assertEqual(self.realm.open, 0)

    def test_refused(self) -> None:
        """The realm within isn't asked."""
        login = self.request(self.realm)
        self.realm.asked.pop().callback(False)
        self.failureResultOf(login, LoginRefused)
        self.assertEqual(dict(self.inner.avatars), {})

    def test_client_that_leaves(self) -> None:
        """The login fails at once, and the answer that comes later admits nobody."""
        login = self.request(self.realm)
        login.cancel()
        self.failureResultOf(login, SessionEnded)
        self.realm.asked.pop().callback(True)
        self.assertEqual((self.realm.open, dict(self.inner.avatars)), (0, {}))

    def test_around_another(self) -> None:
        """Two such realms around one another both decide."""
        outer = MembersRealm(self.realm)
        login = self.request(outer)
        outer.asked.pop().callback(True)
        self.assertNoResult(login)
        self.realm.asked.pop().callback(True)
        self.successResultOf(login)
        self.assertEqual((outer.open, self.realm.open), (1, 1))

    def test_context(self) -> None:
        """C{admit} runs in a context of its own, also while it waits."""
        slow = Slow(Player)
        login = self.request(ContextRealm(CachingRealm(slow, clock=self.clock)))
        self.assertIsNone(_requester.get())
        slow.finish()
        self.successResultOf(login)

    def test_clients(self) -> None:
        """The same over Perspective Broker."""
        server = MemoryServer(self.realm)
        client = server.connect()
        login = client.start_login("alice", "secret")
        server.flush()
        self.realm.asked.pop().callback(True)
        reference = client.wait(login)
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")
        client.drop()
        self.assertEqual(self.realm.open, 0)
