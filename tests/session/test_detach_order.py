"""
The order of attaching, detaching and logging out.
"""

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, fail
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IClientAware,
    MindTrackingRealm,
    SharedStateRealm,
    WaitForRoom,
)
from pbrealm.testing import MemoryServer, StallingMind
from tests.avatars import Aware, Player, Slow, SlowToAttach
from tests.session.cases import AvatarTestCase


class OrderTests(AvatarTestCase):
    """
    An avatar that takes its time to detach doesn't attach before it has.
    """

    def serve_slow(self):
        self.serve(SlowToAttach)
        self.client = self.server.connect()
        login = self.client.start_login("alice", "secret")
        self.server.flush()
        (self.avatar,) = self.caching.avatars.values()
        self.avatar.attaching.finish()
        self.reference = self.client.wait(login)

    def test_next_attach_waits_for_the_last_detach(self):
        self.serve_slow()
        self.client.leave()
        second = self.server.connect()
        login = second.start_login("alice", "secret")
        self.server.flush()
        self.assertEqual(self.avatar.attaching.calls, [])
        self.avatar.detaching.pop().callback(None)
        self.server.flush()
        self.avatar.attaching.finish()
        self.held = second.wait(login)
        self.assertEqual(
            [event for event, *_ in self.avatar.history], ["attached", "detached", "attached"]
        )

    def test_it_does_not_wait_for_ever(self):
        self.serve_slow()
        self.client.leave()
        second = self.server.connect()
        login = second.start_login("alice", "secret")
        self.server.advance(9)
        self.assertEqual(self.avatar.attaching.calls, [])
        self.server.advance(2)
        self.avatar.attaching.finish()
        self.held = second.wait(login)

    def test_newcomer_that_leaves_while_it_waits(self):
        self.serve_slow()
        self.client.leave()
        second = self.server.connect()
        second.start_login("alice", "secret").addErrback(lambda _: None)
        self.server.flush()
        second.leave()
        self.avatar.detaching.pop().callback(None)
        self.server.flush()
        self.assertEqual(self.avatar.attaching.calls, [])
        self.assertEqual(len(self.limited._slots), 0)

    def test_new_avatar_over_the_same_state(self):
        """What holds for one avatar holds for the avatars of one avatar id."""
        avatars = []

        def make(name, state):
            avatars.append(SlowToAttach(name))
            return avatars[-1]

        self.server = MemoryServer(SharedStateRealm(make, lambda name: []))
        first: Any = self.server.connect()
        login = first.start_login("alice", "secret")
        self.server.flush()
        avatars[0].attaching.finish()
        first.held = first.wait(login)
        first.leave()
        second = self.server.connect()
        login = second.start_login("alice", "secret")
        self.server.flush()
        self.assertEqual(len(avatars), 1)
        avatars[0].detaching.pop().callback(None)
        self.server.flush()
        avatars[1].attaching.finish()
        self.held = second.wait(login)


class DetachOrderTests(AvatarTestCase):
    def test_newcomer_that_waited_for_a_pending_login(self):
        """It attaches after the holder has detached, though it began to wait before."""
        make = Slow()
        caching = CachingRealm(make)
        realm = ConnectionLimitedRealm(caching, on_full=WaitForRoom())
        server = MemoryServer(realm)
        first, second = server.connect(), server.connect()
        one = first.start_login("alice", "secret")
        server.flush()
        two = second.start_login("alice", "secret")
        server.flush()
        make.finish()
        self.held = [first.wait(one)]
        first.leave()
        self.held.append(second.wait(two))
        (avatar,) = caching.avatars.values()
        self.assertEqual(
            [event for event, *_ in avatar.history], ["attached", "detached", "attached"]
        )

    def test_newcomer_that_waited_for_one_of_two_sessions_on_a_connection(self):
        """It attaches after both have detached."""
        caching = CachingRealm(Aware)
        realm = ConnectionLimitedRealm(caching, limit=2, on_full=WaitForRoom())
        server = MemoryServer(realm)
        first, second = server.connect(), server.connect()
        self.held = [first.login("alice", "secret") for _ in range(2)]
        waiting = second.start_login("alice", "secret")
        server.flush()
        first.leave()
        self.held.append(second.wait(waiting))
        (avatar,) = caching.avatars.values()
        self.assertEqual(
            [event for event, *_ in avatar.history],
            ["attached", "attached", "detached", "detached", "attached"],
        )


class LeavesWhileAttachingTests(AvatarTestCase):
    def test_call_of_attached_that_the_client_does_not_answer(self):
        """A client that leaves then is "disconnected", in one line of the log."""

        @implementer(IClientAware)
        class Asking(Player):
            async def attached(self, session):
                await session.mind.callRemote("hello")

            def detached(self, session, reason):
                raise AssertionError("it never attached")

        self.serve(Asking)
        client = self.server.connect()
        login = client.start_login("alice", "secret", StallingMind())
        login.addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.server.flush()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(len(self.limited._slots), 0)

    def test_real_errors_are_logged_all_the_same(self):
        pending: Deferred[Any] = Deferred()

        @implementer(IClientAware)
        class Failing(Player):
            def attached(self, session):
                return pending

            def detached(self, session, reason):
                raise AssertionError("it never attached")

        self.serve(Failing)
        client = self.server.connect()
        client.start_login("alice", "secret").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        pending.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LogoutTests(AvatarTestCase):
    def test_logout_that_fails_later(self):
        """A hand-written realm's logout may return a Deferred, which is logged if it fails."""

        @implementer(IRealm)
        class Foreign:
            def requestAvatar(self, avatarId, mind, *interfaces):
                return pb.IPerspective, Player(avatarId), lambda: fail(ZeroDivisionError())

        realm = MindTrackingRealm(Foreign())
        server = MemoryServer(realm)
        self.held = server.connect().login("alice", "secret")
        (session,) = realm.sessions()
        self.assertIsNone(self.successResultOf(session.end()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_end_waits_for_an_avatar_that_attaches(self):
        """For what is to be told of the end, too, when the server closes."""
        self.serve(SlowToAttach)
        client = self.server.connect()
        client.start_login("alice", "secret").addErrback(lambda _: None)
        self.server.flush()
        (avatar,) = self.caching.avatars.values()
        factory: Any = self.server.factory
        closed = factory.close()
        self.server.flush()
        self.assertNoResult(closed)
        avatar.attaching.finish()
        self.server.flush()
        self.assertNoResult(closed)
        avatar.detaching.pop().callback(None)
        self.server.flush()
        self.successResultOf(closed)

    def test_realm_between_two_of_ours(self):
        """Its logout is called, once, whatever it does besides passing on the inner one."""
        logouts = []

        @implementer(IRealm)
        class Between:
            def __init__(self, inner):
                self.inner = inner

            async def _request(self, *request):
                interface, aspect, logout = await self.inner.requestAvatar(*request)

                def leave():
                    logouts.append(aspect)
                    logout()

                return interface, aspect, leave

            def requestAvatar(self, *request):
                return Deferred.fromCoroutine(self._request(*request))

        inner = MindTrackingRealm(CachingRealm(Aware))
        server = MemoryServer(MindTrackingRealm(Between(inner)))
        client = server.connect()
        self.held = client.login("alice", "secret")
        (session,) = inner.sessions()
        client.leave()
        self.assertEqual(logouts, [session])
        self.assertEqual(session.avatar.clients, [])
