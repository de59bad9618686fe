"""
Sessions end exactly once, whatever avatars, factories, callbacks and clients do.
"""

import asyncio
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IClientAware,
    MindTrackingRealm,
    Reason,
    SharedStateRealm,
)
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind
from tests.avatars import Aware, Player, SlowToAttach
from tests.logs import observe_log

NOT_EXCEPTIONS = (asyncio.CancelledError, GeneratorExit, SystemExit, KeyboardInterrupt)
"""What C{except Exception} lets through."""


class AvatarTestCase(SynchronousTestCase):
    """
    A server on which each user may log in once.
    """

    def serve(self, avatar_factory):
        self.caching = CachingRealm(avatar_factory)
        self.limited = ConnectionLimitedRealm(self.caching)
        self.realm = MindTrackingRealm(self.limited)
        self.server = MemoryServer(self.realm)

    def log_in(self, mind=None, factory=None):
        client: Any = self.server.connect(factory)
        client.held = client.login("alice", "secret", mind)
        return client

    def assert_can_log_in_again(self):
        """Nothing is left of the session before: alice isn't locked out."""
        client = self.log_in()
        self.assertEqual(len(self.realm.sessions()), 1)
        self.assertEqual(len(self.limited._slots), 1)
        client.leave()
        self.assertEqual(self.realm.sessions(), ())
        self.assertEqual(len(self.limited._slots), 0)


class MissingMethodTests(AvatarTestCase):
    def test_avatar_without_detached(self):
        """It says that it is an IClientAware, but can't be told; the session ends all the same."""

        @implementer(IClientAware)
        class Careless(Player):  # type: ignore[misc]  # what is missing is tested
            def attached(self, session):
                pass

        self.serve(Careless)
        ends = []
        client = self.log_in(RecordingMind())
        (session,) = self.realm.sessions()
        session.on_end(lambda _, reason: ends.append(reason))
        client.leave()
        self.assertEqual(ends, [Reason.DISCONNECTED])
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assert_can_log_in_again()
        self.flushLoggedErrors(AttributeError)

    def test_avatar_without_attached(self):
        """The login fails, and the next one isn't locked out by it."""

        @implementer(IClientAware)
        class Careless(Player):  # type: ignore[misc]  # what is missing is tested
            def detached(self, session, reason):
                raise AssertionError("it never attached")

        self.serve(Careless)
        for _ in range(2):
            self.assertRaises(pb.RemoteError, self.log_in)
            self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(len(self.limited._slots), 0)

    def test_undeclared_interface_is_warned_of_once(self):
        """An avatar with attached and detached that doesn't provide IClientAware isn't told."""

        class Undeclared(Player):
            def attached(self, session):
                raise AssertionError("it doesn't provide the interface")

            detached = attached

        self.serve(Undeclared)
        messages: list[Any] = []
        self.patch_log(messages)
        for _ in range(2):
            self.log_in().leave()
        warnings = [text for text in messages if "IClientAware" in text]
        self.assertEqual(len(warnings), 1)
        self.assertIn("Undeclared", warnings[0])

    def patch_log(self, messages):
        observe_log(self, lambda event: messages.append(formatEvent(event)))


class ReasonTests(AvatarTestCase):
    def test_only_a_reason_ends_a_session(self):
        """Anything else is a TypeError, and the session can still be ended."""
        self.serve(Player)
        self.log_in()
        (session,) = self.realm.sessions()
        for wrong in ("kicked", None, 5):
            self.assertRaises(TypeError, session.end, wrong)
            self.assertIsNone(session.ended)
        session.end(Reason.KICKED)
        self.assertIs(session.ended, Reason.KICKED)
        self.assert_can_log_in_again()


class NotExceptionTests(AvatarTestCase):
    """
    With what isn't an L{Exception}, each in its place.
    """

    def test_raised_by_a_factory(self):
        for kind in NOT_EXCEPTIONS:
            for asynchronous in (False, True):
                failing = [kind()]

                def make(name, failing=failing):
                    if failing:
                        raise failing.pop()
                    return Player(name)

                async def make_later(name, make=make):
                    return make(name)

                self.serve(make_later if asynchronous else make)
                self.assertRaises(pb.RemoteError, self.log_in)
                self.flushLoggedErrors()
                self.assert_can_log_in_again()

    def test_raised_by_an_avatar_factory_over_shared_state(self):
        for kind in NOT_EXCEPTIONS:
            failing = [kind()]

            def make(name, state, failing=failing):
                if failing:
                    raise failing.pop()
                return Player(name)

            clock = Clock()
            states = SharedStateRealm(make, lambda name: [], linger=0, clock=clock)
            server = MemoryServer(states)
            self.assertRaises(pb.RemoteError, server.connect().login, "alice", "secret")
            self.flushLoggedErrors()
            self.assertEqual(dict(states.states), {})
            self.held = server.connect().login("alice", "secret")

    def test_raised_by_attached(self):
        for kind in NOT_EXCEPTIONS:
            failing = [kind()]

            class Failing(Aware):
                def attached(self, session, failing=failing):
                    if failing:
                        raise failing.pop()
                    super().attached(session)

            self.serve(Failing)
            self.assertRaises(pb.RemoteError, self.log_in)
            self.flushLoggedErrors()
            self.assert_can_log_in_again()

    def test_raised_by_detached(self):
        for kind in NOT_EXCEPTIONS:

            class Failing(Aware):
                def detached(self, session, reason, kind=kind):
                    super().detached(session, reason)
                    raise kind

            self.serve(Failing)
            self.log_in().leave()
            self.assert_can_log_in_again()
            self.assertEqual(len(self.flushLoggedErrors(kind)), 2)

    def test_raised_by_a_callback_of_the_end(self):
        """It's logged, and the callbacks after it still run."""
        for kind in NOT_EXCEPTIONS:
            self.serve(Aware)
            client = self.log_in()
            (session,) = self.realm.sessions()
            ends: list[Any] = []

            def fail(session, reason, kind=kind):
                raise kind

            session.on_end(fail)
            session.on_end(lambda *end, ends=ends: ends.append(end))
            client.leave()
            self.assertEqual(ends, [(session, Reason.DISCONNECTED)])
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)
            self.assert_can_log_in_again()

    def test_raised_by_a_subscriber(self):
        for kind in NOT_EXCEPTIONS:
            self.serve(Aware)

            def fail(event, kind=kind):
                raise kind

            self.realm.subscribe(fail)
            self.assert_can_log_in_again()
            self.assertEqual(len(self.flushLoggedErrors(kind)), 2)


class CancelledAnswerTests(AvatarTestCase):
    """
    Pending calls are cancelled by the errback of another, while the connection is being lost.
    """

    def test_connection_lost(self):
        for factory in (None, ClientFactory):
            self.serve(Aware)
            client = self.log_in(StallingMind(), factory and factory())
            (session,) = self.realm.sessions()
            calls = [session.mind.callRemote("news", number) for number in range(10)]
            failed: list[Any] = []

            def cancel_all(why, calls=calls, failed=failed):
                failed.append(why)
                for call in calls:
                    call.cancel()

            for call in calls:
                call.addErrback(cancel_all)
            self.server.flush()
            client.drop()
            self.assertEqual(len(failed), 10)
            self.assertIs(session.ended, Reason.DISCONNECTED)
            self.assertEqual(session.avatar.clients, [])
            self.assert_can_log_in_again()

    def test_client_side(self):
        """The same at a client that uses our factory."""
        self.serve(Player)
        client = self.log_in(None, ClientFactory())
        calls = [client.held.callRemote("later") for _ in range(5)]
        failed = []

        def cancel_all(why):
            failed.append(why)
            for call in calls:
                call.cancel()

        for call in calls:
            call.addErrback(cancel_all)
        self.server.flush()
        client.drop()
        self.assertEqual(len(failed), 5)


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
