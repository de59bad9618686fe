"""
Sessions end exactly once, whatever avatars, factories and callbacks do.
"""

import asyncio
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    IClientAware,
    Reason,
    SharedStateRealm,
)
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Aware, Player
from tests.logs import log_entries, observe_log
from tests.session.cases import AvatarTestCase

NOT_EXCEPTIONS = (asyncio.CancelledError, GeneratorExit, SystemExit, KeyboardInterrupt)
"""What C{except Exception} lets through."""


class LongWinded(pb.Referenceable):
    """An object of a client that fails, with a long text."""

    def remote_left(self, name):
        raise pb.Error("\x1b[31m" * 10000)


class Telling(Aware):
    """An avatar that tells another client when one has left."""

    def perspective_watch(self, watcher):
        self.watcher = watcher

    async def detached(self, session, reason):
        await self.watcher.callRemote("left", self.name)


class TextTests(AvatarTestCase):
    def test_error_of_a_client_in_detached(self):
        """Its text is escaped and cut before it reaches the log."""
        self.serve(Telling)
        bob, alice = self.server.connect(), self.log_in()
        perspective = bob.login("bob", "secret")
        bob.call(perspective, "watch", LongWinded())
        self.caching.avatars["alice"].watcher = self.caching.avatars["bob"].watcher
        entries = log_entries(self)
        alice.leave()
        (entry,) = entries
        self.assertIn("failed to detach", entry)
        self.assertLess(len(entry), 4000)
        self.assertNotIn("\x1b", entry)
        self.assertEqual(len(self.flushLoggedErrors()), 1)


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
        # The second time, the log has a line without the traceback.
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
            # The second time, the log has a line without the traceback.
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

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
            # The second time, the log has a line without the traceback.
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)
