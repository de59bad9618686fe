"""
What the end of a session does to the client and its connection.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import Reason, ServerFactory, reason_of
from pbrealm._session.goodbye import GOODBYE_TIMEOUT
from pbrealm.testing import (
    UNHURRIED,
    MemoryServer,
    RecordingMind,
    StallingMind,
    VanishingMind,
    make_portal,
)
from tests.avatars import Player
from tests.session.cases import AvatarTestCase, SessionTestCase


class ClientEndsTests(SessionTestCase):
    def test_logout(self):
        """A client that drops its reference has logged out; its connection stays."""
        mind = RecordingMind()
        session = self.log_in(mind)
        del self.reference
        self.server.advance(60)
        self.assertIs(session.ended, Reason.LOGGED_OUT)
        self.assertTrue(self.client.connected)
        self.assertEqual(mind.goodbyes(), [])
        self.assertEqual(session.avatar.history[1], ("detached", session, Reason.LOGGED_OUT))

    def test_lost_connection(self):
        session = self.log_in()
        self.client.leave()
        self.assertIs(session.ended, Reason.DISCONNECTED)
        self.assertEqual(session.avatar.history[1], ("detached", session, Reason.DISCONNECTED))


class GoodbyeTests(SessionTestCase):
    def test_told_and_closed(self):
        """The client is told, can't call any more, and its connection is closed."""
        mind = RecordingMind()
        session = self.log_in(mind)
        over = session.end(Reason.SHUTTING_DOWN)
        self.assertNoResult(over)
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.reference, "greet")
        self.assertEqual(mind.goodbyes(), [(8, "shutting down", True)])
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.SessionEnded")
        self.assertIs(reason_of(caught.exception), Reason.SHUTTING_DOWN)
        self.server.flush()
        self.assertFalse(self.client.connected)
        self.assertIsNone(self.successResultOf(over))

    def test_told_before_the_connection_closes(self):
        """Whatever the server ends a session for, if the client is there to be told."""
        for reason in set(Reason) - {Reason.LOGGED_OUT, Reason.DISCONNECTED, Reason.NO_ANSWER}:
            happened: list[Any] = []

            class Mind(pb.Referenceable):
                def remote_goodbye(self, *args, happened=happened):
                    happened.append(args)

            self.client = self.server.connect()
            self.client.broker.notifyOnDisconnect(
                lambda happened=happened: happened.append("lost")
            )
            self.log_in(Mind()).end(reason)
            self.server.flush()
            self.assertEqual(happened, [(reason.number, reason.text, reason.reconnect), "lost"])

    def test_text(self):
        """A sentence of the program's own, instead of the reason's."""
        mind = RecordingMind()
        session = self.log_in(mind)
        self.assertRaises(TypeError, session.end, text=b"bytes")
        self.assertIsNone(session.ended)
        session.end(Reason.KICKED, text="Come back on Monday.")
        session.end(Reason.KICKED, text="This is too late.")
        self.server.flush()
        self.assertEqual(mind.goodbyes(), [(5, "Come back on Monday.", False)])

    def serve(self, goodbye):
        portal = make_portal(self.realm, {"alice": "secret"})
        factory = ServerFactory(portal, UNHURRIED, goodbye=goodbye)
        self.server = MemoryServer(self.realm, factory=factory)
        self.client = self.server.connect()

    def test_another_method(self):
        self.serve("farewell")
        mind = RecordingMind()
        self.log_in(mind).end()
        self.server.flush()
        self.assertEqual(mind.calls, [("farewell", (5, "kicked", False))])
        self.assertFalse(self.client.connected)

    def test_no_goodbye(self):
        """Clients that know no such method aren't called, and disconnected at once."""
        self.serve(None)
        mind = RecordingMind()
        over = self.log_in(mind).end()
        self.successResultOf(over)
        self.server.flush()
        self.assertEqual(mind.calls, [])
        self.assertFalse(self.client.connected)

    def test_without_a_mind(self):
        self.log_in().end()
        self.server.flush()
        self.assertFalse(self.client.connected)

    def test_mind_that_knows_no_goodbye(self):
        session = self.log_in(pb.Referenceable())
        session.end()
        self.server.flush()
        self.assertFalse(self.client.connected)
        self.flushLoggedErrors(pb.NoSuchMethod)

    def test_unanswered_goodbye(self):
        """The goodbye is waited for no longer than its time."""
        session = self.log_in(StallingMind())
        over = session.end()
        self.server.advance(GOODBYE_TIMEOUT - 0.1)
        self.assertTrue(self.client.connected)
        self.server.advance(0.2)
        self.assertFalse(self.client.connected)
        self.assertIsNone(self.successResultOf(over))

    def test_half_open_connection(self):
        """A connection that can't be closed gently is aborted."""
        session = self.log_in(RecordingMind())
        self.client.cut_off()
        session.end()
        self.server.advance(GOODBYE_TIMEOUT)
        self.assertTrue(self.client.connected)
        self.server.advance(5)
        self.assertFalse(self.client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_dead_client(self):
        """A client that was found dead gets no time for the goodbye."""
        session = self.log_in(RecordingMind())
        self.client.cut_off()
        session.end(Reason.NO_ANSWER)
        self.server.advance(GOODBYE_TIMEOUT)
        self.assertFalse(self.client.connected)

    def test_client_vanishes_at_goodbye(self):
        mind = VanishingMind()
        mind.client = self.client
        session = self.log_in(mind)
        over = session.end()
        self.server.flush()
        self.assertIsNone(self.successResultOf(over))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_new_login_meanwhile(self):
        """A connection that is about to be closed takes no login."""
        self.log_in(StallingMind()).end()
        self.server.flush()
        for login in (("alice", "secret"), ()):
            with self.assertRaises(pb.RemoteError) as caught:
                self.client.login(*login)
            self.assertIs(reason_of(caught.exception), Reason.KICKED)
        self.server.advance(GOODBYE_TIMEOUT)
        self.server.flush()
        self.assertFalse(self.client.connected)

    def test_slow_avatar(self):
        """An avatar that takes its time to detach doesn't keep the connection open."""
        session = self.log_in()
        detaching: Deferred[Any] = Deferred()
        session.avatar.detached = lambda *_: detaching
        over = session.end()
        self.server.flush()
        self.assertFalse(self.client.connected)
        self.assertNoResult(over)
        detaching.callback(None)
        self.assertIsNone(self.successResultOf(over))

    def test_nothing_is_left_on_the_clock(self):
        session = self.log_in(RecordingMind())
        session.end()
        self.server.flush()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class CallsAtTheEndTests(SessionTestCase):
    def test_running_call_is_answered(self):
        """A call that was running when the session ended is answered once it's done."""
        session = self.log_in(StallingMind())
        answer = self.reference.callRemote("later")
        self.server.flush()
        session.end()
        session.avatar.answer.callback("at last")
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), "at last")

    def test_running_call_when_the_connection_is_closed(self):
        """A call is answered as long as the connection is open, and not later."""
        session = self.log_in(RecordingMind())
        answer = self.reference.callRemote("later")
        self.server.flush()
        session.end()
        self.server.flush()
        self.failureResultOf(answer, pb.PBConnectionLost)
        session.avatar.answer.callback("too late")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_call_already_under_way(self):
        """A call that arrives in one packet with the one that ends the session doesn't run."""
        session = self.log_in(RecordingMind())
        session.avatar.perspective_quit = lambda: session.end() and None
        quit = self.reference.callRemote("quit")
        greet = self.reference.callRemote("greet")
        self.server.flush()
        self.successResultOf(quit)
        self.failureResultOf(greet).trap("pbrealm.errors.SessionEnded")
        self.assertEqual(session.avatar.greetings, 0)


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
