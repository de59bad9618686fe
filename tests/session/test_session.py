"""
A session from its acceptance to its end, and the calls that it passes on.
"""

import asyncio
from contextvars import Context, copy_context
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IFullPolicy,
    ISession,
    Reason,
    current_session,
)
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Aware, Player
from tests.session.cases import SessionTestCase


class SessionTests(SessionTestCase):
    def test_interfaces(self):
        session = self.log_in()
        verifyObject(pb.IPerspective, session)
        verifyObject(ISession, session)

    def test_attributes(self):
        self.server.clock.advance(86400)
        mind = RecordingMind()
        session = self.log_in(mind)
        self.assertEqual(session.avatar_id, "alice")
        self.assertIsInstance(session.avatar, Aware)
        self.assertIsInstance(session.mind, pb.RemoteReference)
        self.assertEqual(session.peer.port, 50000)
        self.assertEqual(session.since.isoformat(), "1970-01-02T00:00:00+00:00")
        self.assertIsNone(session.ended)
        self.assertEqual(repr(session), f"<Session {session.id} of 'alice': open>")

    def test_sessions_of_one_user_are_distinct_keys(self):
        """Sessions of one user are told apart, by number and as keys."""
        session = self.log_in()
        other = self.server.connect()
        self.held = other.login("alice", "secret")
        one, two = self.realm.sessions()
        self.assertIs(one, session)
        self.assertNotEqual(one.id, two.id)
        self.assertEqual(len({one, two}), 2)

    def test_calls_reach_the_avatar(self):
        self.log_in()
        self.assertEqual(self.client.call(self.reference, "greet"), "<1>hello alice")

    def test_errors_of_the_avatar(self):
        self.log_in()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.reference, "fail")
        self.assertEqual(str(caught.exception), "as it should")


class CurrentSessionTests(SessionTestCase):
    def test_current_session(self):
        """It's that of the caller during a call, and none before or after."""
        session = self.log_in()
        self.assertEqual(self.client.call(self.reference, "who"), session.id)
        self.assertIsNone(current_session())

    def check_holds(self, method):
        session = self.log_in()
        other = self.server.connect()
        self.held = other.login("alice", "secret")
        answer = self.reference.callRemote(method)
        self.server.flush()
        # Another client's call is what makes it go on.
        session.avatar.perspective_greet = lambda: session.avatar.answer.callback(None)
        other.call(self.held, "greet")
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), [session.id, session.id])

    def test_current_session_in_a_coroutine(self):
        """A method may be a coroutine function, and the caller's session holds throughout."""
        self.check_holds("think")

    def test_current_session_in_inline_callbacks(self):
        self.check_holds("ponder")

    def test_current_session_in_other_objects(self):
        """It's none in the methods of a view and of a referenceable that the avatar has given."""
        seen: list[Any] = []

        class Board(pb.Referenceable, pb.Viewable):
            def remote_read(self):
                seen.append(current_session())

            def view_read(self, perspective):
                seen.append(current_session())

        class View(pb.Viewable):
            def view_read(self, perspective):
                seen.append(current_session())

        for given in (Board(), View()):
            self.patch(Player, "perspective_object", lambda player, given=given: given)
            reference = self.client.login("alice", "secret")
            self.client.call(self.client.call(reference, "object"), "read")
        self.assertEqual(seen, [None, None])

    def test_current_session_where_data_is_read_in_the_context_of_a_call(self):
        """As the asyncio reactor does it after the transport was resumed in a call."""
        contexts: list[Context] = []
        seen: list[Any] = []

        def make(name: str) -> Player:
            seen.append(current_session())
            return Player(name)

        server = MemoryServer(CachingRealm(make), {"alice": "secret", "bob": "secret"})
        self.patch(Player, "perspective_object", lambda _: contexts.append(copy_context()))
        client = server.connect()
        alice = client.login("alice", "secret")
        client.call(alice, "object")
        bob = contexts[0].run(server.connect().login, "bob", "secret")
        self.assertIsNotNone(bob)
        self.assertEqual(seen, [None, None])

    def test_current_session_in_a_callback(self):
        """It's that of the code which fires the Deferred, if any."""
        first, seen = self.log_in(), []
        second = self.server.connect().login("alice", "secret")
        avatar = first.avatar

        def perspective_wait():
            answer: Deferred[Any] = avatar.perspective_later()
            answer.addCallback(lambda _: seen.append(current_session()))

        avatar.perspective_wait = perspective_wait
        avatar.perspective_fire = lambda: avatar.answer.callback(None)
        self.client.call(self.reference, "wait")
        self.server.clients[1].call(second, "fire")
        self.client.call(self.reference, "wait")
        avatar.answer.callback(None)
        self.assertEqual(seen, [self.realm.sessions()[1], None])


class AsyncioTimersTests(SessionTestCase):
    """
    The asyncio reactor runs all timers in the context in which the one that is due first was set.
    """

    def setUp(self):
        super().setUp()
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        self.reactor = AsyncioSelectorReactor(loop)
        self.addCleanup(self.reactor.disconnectAll)
        self.loop = loop
        self.session = self.log_in()

    def run_until(self, done: Deferred[Any]) -> Any:
        return self.loop.run_until_complete(done.asFuture(self.loop))

    def test_functions(self):
        """It may be any session there, as the docstring says."""
        seen: Deferred[Any] = Deferred()
        self.reactor.callLater(0.005, lambda: seen.callback(current_session()))

        def set_timer(_: Player) -> None:
            self.reactor.callLater(0, lambda: None)

        self.patch(Player, "perspective_object", set_timer)
        self.client.call(self.reference, "object")
        self.session.end()
        self.assertIs(self.run_until(seen), self.session)

    def test_coroutines(self):
        """A coroutine that waits for a timer keeps its own."""

        async def wait(player: Player) -> list[Any]:
            seen: list[Any] = []
            for _ in range(2):
                await deferLater(self.reactor, 0.002)
                seen.append(player.perspective_who())
            waited.pop().callback(None)
            return seen

        both: list[Deferred[None]] = [Deferred(), Deferred()]
        waited = list(both)
        self.patch(Player, "perspective_object", wait)
        self.other = self.client.login("bob", "secret")
        answers = [each.callRemote("object") for each in (self.reference, self.other)]
        self.server.flush()
        for each in both:
            self.run_until(each)
        ids = [session.id for session in self.realm.sessions()]
        self.assertEqual([self.client.wait(each) for each in answers], [[id] * 2 for id in ids])


class CallbackTests(SessionTestCase):
    """
    What C{on_end} promises.
    """

    def test_callback_is_called_once(self):
        """The first reason is the reason."""
        session = self.log_in(RecordingMind())
        ends = []
        session.on_end(lambda *end: ends.append(end))
        session.end(Reason.KICKED)
        session.end(Reason.SHUTTING_DOWN)
        self.client.drop()
        session.logout()
        self.assertEqual(ends, [(session, Reason.KICKED)])
        self.assertEqual([entry[0] for entry in session.avatar.history], ["attached", "detached"])

    def test_added_after_the_end(self):
        session = self.log_in()
        session.end()
        ends = []
        session.on_end(lambda *end: ends.append(end))
        self.assertEqual(ends, [(session, Reason.KICKED)])

    def test_forgotten(self):
        session = self.log_in()
        ends: list[Any] = []
        session.on_end(ends.append)
        session.forget_on_end(ends.append)
        session.forget_on_end(ends.append)
        session.end()
        self.assertEqual(ends, [])

    def test_before_the_avatar_is_detached(self):
        """When the avatar hears of the end, no table has the session any more."""
        session = self.log_in()
        seen = []
        session.avatar.detached = lambda *_: seen.append(self.realm.sessions())
        session.end()
        self.assertEqual(seen, [()])

    def test_forgotten_by_another_callback(self):
        """One callback of the end can still call off another."""
        session = self.log_in()
        ends: list[Any] = []
        session.on_end(lambda session, _: session.forget_on_end(ends.append))
        session.on_end(ends.append)
        session.end()
        self.assertEqual(ends, [])

    def test_of_the_moment_when_calls_are_refused(self):
        """
        Callbacks of C{on_revoke} come before those of C{on_end}, also of other sessions that end
        at the same time, and an exception in one is logged.
        """
        events: list[Any] = []
        self.held = [self.client.login("alice", "secret") for _ in range(2)]
        sessions = self.realm.sessions()
        for session in sessions:
            session.on_end(lambda session, _: events.append(("end", session)))
            session.on_revoke(lambda *_: 1 / 0)
            session.on_revoke(lambda session, _: events.append(("revoke", session)))
        self.client.drop()
        self.assertEqual(
            events, [(event, session) for event in ("revoke", "end") for session in sessions]
        )
        # The second time, the log has a line without the traceback.
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        sessions[0].on_revoke(lambda *revoked: events.append(revoked))
        self.assertEqual(events[-1], (sessions[0], Reason.DISCONNECTED))


class WaitTests(SynchronousTestCase):
    def test_end_wakes_a_policy_that_waits(self):
        """A policy may wait by way of the session, too: its end wakes everybody who waits."""
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()

        @implementer(IFullPolicy)
        class Slow:
            waiting = 5

            async def make_room(self, newcomer, holders):
                await newcomer.wait(first)
                await second

        limited = ConnectionLimitedRealm(CachingRealm(Player), on_full=Slow())
        server = MemoryServer(limited)
        self.held = server.connect().login("alice", "secret")
        client = server.connect()
        client.start_login("alice", "secret").addErrback(lambda _: None)
        server.flush()
        first.callback(None)
        self.assertEqual(limited._queues.length("alice"), 1)
        client.drop()
        self.assertEqual(limited._queues.length("alice"), 0)
        second.callback(None)
