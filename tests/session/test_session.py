"""
One login, from its acceptance to its end.
"""

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    CachingRealm,
    DisposableRealm,
    MindTrackingRealm,
    NoMind,
    NotifyTimeout,
    Reason,
    SessionEnded,
    current_session,
    reason_of,
)
from pbrealm._session.session import GOODBYE_TIMEOUT, NOTIFY_TIMEOUT
from pbrealm.testing import (
    FailingMind,
    MemoryServer,
    RecordingMind,
    StallingMind,
    VanishingMind,
    make_portal,
)
from tests.avatars import Aware, Player, SlowToAttach


class SessionTestCase(SynchronousTestCase):
    """
    alice's session, on an avatar that the test chooses.
    """

    avatar_factory = Aware

    def setUp(self):
        self.realm = MindTrackingRealm(CachingRealm(self.avatar_factory))
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect()

    def log_in(self, mind=None):
        self.reference = self.client.login("alice", "secret", mind)
        (session,) = self.realm.sessions()
        return session


class LifeTests(SessionTestCase):
    def test_interface(self):
        verifyObject(pb.IPerspective, self.log_in())

    def test_what_it_knows(self):
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

    def test_is_a_key(self):
        """Sessions of one user are told apart, by number and as keys."""
        session = self.log_in()
        other = self.server.connect()
        self.held = other.login("alice", "secret")
        one, two = self.realm.sessions()
        self.assertIs(one, session)
        self.assertNotEqual(one.id, two.id)
        self.assertEqual(len({one, two}), 2)

    def test_passes_calls_on(self):
        self.log_in()
        self.assertEqual(self.client.call(self.reference, "greet"), "<1>hello alice")

    def test_errors_of_the_avatar(self):
        self.log_in()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.reference, "fail")
        self.assertEqual(str(caught.exception), "as it should")

    def test_logout(self):
        """A client that drops its reference has logged out; its connection stays."""
        mind = RecordingMind()
        session = self.log_in(mind)
        del self.reference
        self.server.advance(60)
        self.assertIs(session.ended, Reason.LOGGED_OUT)
        self.assertTrue(self.client.connected)
        self.assertEqual(mind.goodbyes(), [])
        self.assertEqual(session.avatar.book[1], ("detached", session, Reason.LOGGED_OUT))

    def test_disconnected(self):
        session = self.log_in()
        self.client.leave()
        self.assertIs(session.ended, Reason.DISCONNECTED)
        self.assertEqual(session.avatar.book[1], ("detached", session, Reason.DISCONNECTED))

    def test_ends_once(self):
        """The first reason is the reason."""
        session = self.log_in(RecordingMind())
        ends = []
        session.on_end(lambda *end: ends.append(end))
        session.end(Reason.KICKED)
        session.end(Reason.SHUTTING_DOWN)
        self.client.drop()
        session.logout()
        self.assertEqual(ends, [(session, Reason.KICKED)])
        self.assertEqual([entry[0] for entry in session.avatar.book], ["attached", "detached"])

    def test_on_end_after_the_end(self):
        session = self.log_in()
        session.end()
        ends = []
        session.on_end(lambda *end: ends.append(end))
        self.assertEqual(ends, [(session, Reason.KICKED)])

    def test_forget_on_end(self):
        session = self.log_in()
        ends = []
        session.on_end(ends.append)
        session.forget_on_end(ends.append)
        session.forget_on_end(ends.append)
        session.end()
        self.assertEqual(ends, [])

    def test_order_of_the_end(self):
        """When the avatar hears of the end, no table has the session any more."""
        session = self.log_in()
        seen = []
        session.avatar.detached = lambda *_: seen.append(self.realm.sessions())
        session.end()
        self.assertEqual(seen, [()])

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

    def test_detach_fails(self):
        """An avatar that fails to detach is logged, and let go of like another."""
        session = self.log_in()
        session.avatar.detached = lambda *_: 1 / 0
        over = session.end()
        self.server.advance(60)
        self.assertIsNone(self.successResultOf(over))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class EndTests(SessionTestCase):
    """
    What C{end} does to the client.
    """

    def test_goodbye(self):
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

    def test_mind_that_stalls(self):
        """The goodbye is waited for no longer than its time."""
        session = self.log_in(StallingMind())
        over = session.end()
        self.server.advance(GOODBYE_TIMEOUT - 0.1)
        self.assertTrue(self.client.connected)
        self.server.advance(0.2)
        self.assertFalse(self.client.connected)
        self.assertIsNone(self.successResultOf(over))

    def test_connection_that_takes_nothing(self):
        """A connection that can't be closed gently is aborted."""
        session = self.log_in(RecordingMind())
        self.client.cut_off()
        session.end()
        self.server.advance(GOODBYE_TIMEOUT)
        self.assertTrue(self.client.connected)
        self.server.advance(5)
        self.assertFalse(self.client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_answer(self):
        """One that was found dead isn't waited for."""
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
        """A login that comes while the goodbye is on its way keeps the connection."""
        self.log_in(StallingMind()).end()
        self.server.flush()
        self.reference = self.client.login("alice", "secret", RecordingMind())
        self.server.advance(GOODBYE_TIMEOUT)
        self.server.advance(10)
        self.assertTrue(self.client.connected)
        self.assertEqual(self.client.call(self.reference, "greet"), "<1>hello alice")

    def test_slow_to_detach(self):
        """An avatar that takes its time to detach doesn't keep the connection open."""
        session = self.log_in()
        detaching = Deferred()
        session.avatar.detached = lambda *_: detaching
        over = session.end()
        self.server.flush()
        self.assertFalse(self.client.connected)
        self.assertNoResult(over)
        detaching.callback(None)
        self.assertIsNone(self.successResultOf(over))

    def test_forgotten_at_the_end(self):
        """One callback of the end can still call off another."""
        session = self.log_in()
        ends = []
        session.on_end(lambda session, _: session.forget_on_end(ends.append))
        session.on_end(ends.append)
        session.end()
        self.assertEqual(ends, [])

    def test_nothing_left(self):
        session = self.log_in(RecordingMind())
        session.end()
        self.server.flush()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_running_call_is_answered(self):
        """A call that was running when the session ended is answered once it's done."""
        session = self.log_in(StallingMind())
        answer = self.reference.callRemote("later")
        self.server.flush()
        session.end()
        session.avatar.answer.callback("at last")
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), "at last")

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


class NotifyTests(SessionTestCase):
    def notified(self, mind, **kw):
        answer = self.log_in(mind).notify("news", 1, **kw)
        self.server.flush()
        return answer

    def test_answer(self):
        mind = RecordingMind("heard")
        self.assertEqual(self.successResultOf(self.notified(mind)), "heard")
        self.assertEqual(mind.calls, [("news", (1,))])

    def test_no_answer_asked_for(self):
        mind = RecordingMind("heard")
        self.assertIsNone(self.successResultOf(self.notified(mind, pbanswer=False)))
        self.assertEqual(mind.calls, [("news", (1,))])

    def test_failure(self):
        failure = self.failureResultOf(self.notified(FailingMind()))
        self.assertEqual(failure.value, "news fails")

    def test_timeout(self):
        answer = self.notified(StallingMind())
        self.server.advance(NOTIFY_TIMEOUT - 1)
        self.assertNoResult(answer)
        self.server.advance(1)
        self.failureResultOf(answer, NotifyTimeout)

    def test_late_answer(self):
        """An answer that comes after its time is over is no error."""
        mind = StallingMind("late")
        answer = self.notified(mind)
        self.server.advance(NOTIFY_TIMEOUT)
        self.failureResultOf(answer, NotifyTimeout)
        mind.release()
        self.server.flush()

    def test_gone(self):
        mind = VanishingMind()
        mind.client = self.client
        self.failureResultOf(self.notified(mind), pb.PBConnectionLost)

    def test_no_mind(self):
        self.failureResultOf(self.log_in().notify("news"), NoMind)

    def test_ended(self):
        session = self.log_in(RecordingMind())
        session.end()
        self.failureResultOf(session.notify("news"), SessionEnded)

    def test_nothing_to_hear_of(self):
        """Where no answer is asked for there's no failure either."""
        session = self.log_in()
        self.assertIsNone(self.successResultOf(session.notify("news", pbanswer=False)))
        session.end()
        self.assertIsNone(self.successResultOf(session.notify("news", pbanswer=False)))

    def test_mind_that_is_no_reference(self):
        """What a client passes as its mind may be anything."""
        session = self.log_in(["no mind at all"])
        self.failureResultOf(session.notify("news"), AttributeError)
        session.end()
        self.server.flush()
        self.assertFalse(self.client.connected)


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
        self.assertEqual(self.avatar.book, [])
        self.assertTrue(self.client.connected)

    def test_end_while_attaching(self):
        """The login fails at once; the detach follows the attach, whenever that's done."""
        self.session.end(Reason.REPLACED)
        self.server.flush()
        failure = self.failureResultOf(self.login)
        failure.trap("pbrealm.errors.SessionEnded")
        self.assertIs(reason_of(failure), Reason.REPLACED)
        self.assertEqual(self.avatar.book, [])
        self.avatar.attaching.finish()
        self.assertEqual([entry[0] for entry in self.avatar.book], ["attached", "detached"])

    def test_late_failure(self):
        """An attach that fails when the session is over is logged, and not detached from."""
        self.session.end()
        self.avatar.attaching.fail(ZeroDivisionError())
        self.server.flush()
        self.failureResultOf(self.login)
        self.assertEqual(self.avatar.book, [])
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
        self.assertEqual([entry[0] for entry in avatar.book], ["attached", "detached"])


@implementer(IRealm)
class Foreign:
    """
    A hand-written realm around another, as people have them for auditing.
    """

    def __init__(self, realm):
        self.realm = realm
        self.minds = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.minds.append(mind)
        return self.realm.requestAvatar(avatarId, mind, *interfaces)


class SandwichTests(SynchronousTestCase):
    """
    A hand-written realm between two of ours: one login, and two sessions that share its fate.
    """

    def setUp(self):
        self.inner = MindTrackingRealm(CachingRealm(Aware))
        self.foreign = Foreign(self.inner)
        self.outer = MindTrackingRealm(self.foreign)
        self.server = MemoryServer(self.outer, clock=Clock())
        self.client = self.server.connect()
        self.mind = RecordingMind()
        self.reference = self.client.login("alice", "secret", self.mind)
        (self.one,) = self.outer.sessions()
        (self.two,) = self.inner.sessions()
        (self.avatar,) = self.inner.realm.avatars.values()

    def test_one_avatar(self):
        self.assertIs(self.one.avatar, self.avatar)
        self.assertEqual(self.inner.sessions("alice"), (self.two,))
        self.assertEqual(self.avatar.book, [("attached", self.two)])
        self.assertEqual(self.client.call(self.reference, "who"), self.two.id)

    def test_plain_mind(self):
        """The hand-written realm gets the mind as it would under plain PB."""
        self.assertEqual(type(self.foreign.minds[0]), pb.RemoteReference)

    def check_end(self, session):
        session.end(Reason.KICKED)
        self.assertIs(self.one.ended, Reason.KICKED)
        self.assertIs(self.two.ended, Reason.KICKED)
        self.server.advance(60)
        self.assertEqual(len(self.mind.goodbyes()), 1)
        self.assertFalse(self.client.connected)
        self.assertEqual([entry[0] for entry in self.avatar.book], ["attached", "detached"])

    def test_outer_ends(self):
        self.check_end(self.one)

    def test_inner_ends(self):
        self.check_end(self.two)

    def test_over_when_detached(self):
        """The end of the outer session includes that of the inner one."""
        detaching = Deferred()
        self.avatar.detached = lambda *_: detaching
        over = self.one.end()
        self.server.advance(60)
        self.assertNoResult(over)
        detaching.callback(None)
        self.successResultOf(over)

    def test_disconnect(self):
        self.client.drop()
        self.assertEqual((self.one.ended, self.two.ended), (Reason.DISCONNECTED,) * 2)


class PlainServerTests(SynchronousTestCase):
    """
    Under Twisted's own factory, where a mind is all there is to see a connection by.
    """

    def setUp(self):
        self.realm = MindTrackingRealm(DisposableRealm(Player))
        portal = make_portal(self.realm, {"alice": "secret"})
        self.server = MemoryServer(self.realm, factory=pb.PBServerFactory(portal))
        self.client = self.server.connect()

    def test_with_a_mind(self):
        self.held = self.client.login("alice", "secret", RecordingMind())
        (session,) = self.realm.sessions()
        self.assertEqual(session.peer.port, 50000)
        self.client.drop()
        self.assertIs(session.ended, Reason.DISCONNECTED)

    def test_without_a_mind(self):
        """The session can still be revoked, but its connection is out of its reach."""
        self.held = self.client.login("alice", "secret")
        (session,) = self.realm.sessions()
        self.assertIsNone(session.peer)
        session.end()
        with self.assertRaises(pb.RemoteError):
            self.client.call(self.held, "greet")
        self.assertTrue(self.client.connected)

    def test_logout_without_a_mind(self):
        self.held = self.client.login("alice", "secret")
        (session,) = self.realm.sessions()
        self.client.drop()
        self.assertIs(session.ended, Reason.LOGGED_OUT)


class ReasonTests(SynchronousTestCase):
    def test_numbers(self):
        """They are on the wire, and in what users have stored: they stay as they are."""
        self.assertEqual(
            {reason.name: (reason.number, reason.text, reason.reconnect) for reason in Reason},
            {
                "LOGGED_OUT": (1, "logged out", False),
                "DISCONNECTED": (2, "disconnected", True),
                "REPLACED": (3, "replaced", False),
                "REFUSED": (4, "refused", False),
                "KICKED": (5, "kicked", False),
                "TOO_SLOW": (6, "too slow", True),
                "NO_ANSWER": (7, "no answer", True),
                "SHUTTING_DOWN": (8, "shutting down", True),
            },
        )

    def test_reason_of(self):
        self.assertIs(reason_of(SessionEnded(Reason.REPLACED)), Reason.REPLACED)
        self.assertIs(reason_of(NotifyTimeout("no answer")), Reason.NO_ANSWER)
        self.assertIsNone(reason_of(ValueError("for some (reason 99)")))
        self.assertIsNone(reason_of(ValueError("for some reason")))
