"""
Calling one mind.
"""

from twisted.spread import pb
from twisted.spread.banana import BananaError

from pbrealm import NoMind, NotifyTimeout, Reason, SessionEnded
from pbrealm._delivery.notify import NOTIFY_TIMEOUT
from pbrealm._session.goodbye import GOODBYE_TIMEOUT
from pbrealm.testing import FailingMind, RecordingMind, StallingMind, VanishingMind
from tests.session.cases import SessionTestCase


class NotifyTests(SessionTestCase):
    def notified(self, mind, **kw):
        answer = self.log_in(mind).notify("news", 1, **kw)
        self.server.flush()
        return answer

    def test_answer(self):
        mind = RecordingMind("heard")
        self.assertEqual(self.successResultOf(self.notified(mind)), "heard")
        self.assertEqual(mind.calls, [("news", (1,))])

    def test_without_pbanswer(self):
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

    def test_timeout_of_one_call(self):
        """pbtimeout isn't sent; with None the answer may take any time."""
        mind = StallingMind("late")
        answer = self.notified(mind, pbtimeout=5)
        self.server.advance(5)
        self.failureResultOf(answer, NotifyTimeout)
        (session,) = self.realm.sessions()
        answer = session.notify("news", pbtimeout=None)
        self.server.advance(86_400)
        self.assertNoResult(answer)
        mind.release()
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), "late")

    def test_unsendable(self):
        """A call that can't be sent awaits no answer."""
        mind = RecordingMind("heard")
        session = self.log_in(mind)
        broker = session.mind.broker
        self.failureResultOf(session.notify("news", 10**4000), BananaError)
        report = self.successResultOf(self.realm.broadcast("news", 10**4000))
        self.assertEqual([why.type for why in report.failed.values()], [BananaError])
        self.assertEqual(broker.waitingForAnswers, {})
        answer = session.notify("news", 1)
        self.server.flush()
        self.assertEqual(self.successResultOf(answer), "heard")

    def test_options_are_not_sent(self):
        """A method of a mind without keyword arguments can be called with them."""
        heard: list[int] = []

        class Strict(pb.Referenceable):
            def remote_news(self, number):
                heard.append(number)

        session = self.log_in(Strict())
        for call in (session.notify, self.realm.broadcast):
            for options in ({"pbtimeout": 5}, {"pbtimeout": None}, {"pbanswer": False}):
                call("news", len(heard), **options)
                self.server.flush()
        self.assertEqual(heard, list(range(6)))

    def test_bad_timeouts(self):
        """The call isn't made; also this isn't raised."""
        mind = RecordingMind()
        session = self.log_in(mind)
        for timeout in (0, -1, "5", True, float("nan"), float("inf")):
            self.failureResultOf(session.notify("news", pbtimeout=timeout), ValueError)
            report = self.successResultOf(self.realm.broadcast("news", pbtimeout=timeout))
            self.assertTrue(report.failed[session].check(ValueError))
        self.assertEqual(mind.calls, [])

    def test_late_answer(self):
        """An answer that comes after its time is over is no error."""
        mind = StallingMind("late")
        answer = self.notified(mind)
        self.server.advance(NOTIFY_TIMEOUT)
        self.failureResultOf(answer, NotifyTimeout)
        mind.release()
        self.server.flush()

    def test_lost_connection(self):
        mind = VanishingMind()
        mind.client = self.client
        why = self.failureResultOf(self.notified(mind), SessionEnded)
        self.assertIs(why.value.reason, Reason.DISCONNECTED)

    def test_client_goes(self):
        """A call that waits fails as the session ends, whoever asks for it."""
        session = self.log_in(StallingMind())
        seen = []
        for _ in range(2):
            session.notify("news", pbtimeout=None).addErrback(
                lambda why: seen.append((why.type, why.value.reason, session.ended))
            )
        self.server.flush()
        self.client.drop()
        self.assertEqual(seen, [(SessionEnded, Reason.DISCONNECTED, Reason.DISCONNECTED)] * 2)
        self.assertEqual(self.realm.sessions(), ())
        self.assertEqual([entry[0] for entry in session.avatar.history], ["attached", "detached"])

    def test_kicked_meanwhile(self):
        session = self.log_in(StallingMind())
        answer = session.notify("news")
        session.end(Reason.KICKED)
        self.server.advance(GOODBYE_TIMEOUT)
        why = self.failureResultOf(answer, SessionEnded)
        self.assertIs(why.value.reason, Reason.KICKED)

    def test_client_that_claims_to_have_gone(self):
        """What a client answers is no news of its connection."""

        class Liar(RecordingMind):
            def respond(self, message):
                class Lie(pb.Error):
                    __qualname__ = "PBConnectionLost"
                    __module__ = "twisted.spread.pb"

                raise Lie("gone")

        why = self.failureResultOf(self.notified(Liar()))
        self.assertFalse(isinstance(why.value, SessionEnded))
        self.assertEqual([session.ended for session in self.realm.sessions()], [None])

    def test_no_mind(self):
        self.failureResultOf(self.log_in().notify("news"), NoMind)

    def test_ended_session(self):
        session = self.log_in(RecordingMind())
        session.end()
        self.failureResultOf(session.notify("news"), SessionEnded)

    def test_failures_without_pbanswer(self):
        """Where no answer is asked for there's no failure either."""
        session = self.log_in()
        self.assertIsNone(self.successResultOf(session.notify("news", pbanswer=False)))
        session.end()
        self.assertIsNone(self.successResultOf(session.notify("news", pbanswer=False)))

    def test_mind_that_is_no_reference(self):
        """A mind that can't be called is refused at the login, with what it has to be."""
        for mind in (["no mind at all"], b"mind", 5, {"mind": 1}):
            with self.assertRaises(pb.RemoteError) as caught:
                self.log_in(mind)
            self.assertIn("mind", str(caught.exception))
            self.assertEqual(self.realm.sessions(), ())
            self.client = self.server.connect()
