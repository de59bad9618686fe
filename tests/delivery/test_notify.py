"""
Calling one mind.
"""

from twisted.spread import pb

from pbrealm import NoMind, NotifyTimeout, SessionEnded
from pbrealm._delivery.notify import NOTIFY_TIMEOUT
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
        self.failureResultOf(self.notified(mind), pb.PBConnectionLost)

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
