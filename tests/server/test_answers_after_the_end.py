"""
Calls that run when their session ends are answered, but with nothing that lives on.
"""

from twisted.spread import pb

from pbrealm import Reason, reason_of
from pbrealm.client import ClientFactory
from pbrealm.testing import StallingMind
from tests.server.revocation_cases import RevocationTestCase, TransitiveTestCase


class AfterTheEndTests(RevocationTestCase):
    """
    What a client sends that doesn't know yet that its session has ended.
    """

    def setUp(self):
        super().setUp()
        self.client = self.server.connect(ClientFactory())
        self.stalling = StallingMind()
        self.held = self.client.login("alice", "secret", self.stalling)
        self.session = self.realm.sessions("alice")[-1]

    def test_running_calls_are_answered(self):
        """Also if the client drops a copy, or answers something late, in the meantime."""
        copy = self.client.call(self.held, "settings")
        answer = self.held.callRemote("counter_later")
        notified = self.session.notify("news")
        self.server.flush()
        self.session.end()
        self.server.flush()
        del copy
        self.stalling.release()
        self.caching.avatars["alice"].later.pop().callback(5)
        self.assertEqual(self.client.wait(answer), 5)
        self.failureResultOf(notified)

    def test_pending_login_that_is_refused(self):
        """The connection of a client whose session was ended is closed once nothing is pending."""
        login = self.client.start_login("alice", "wrong")
        login.addErrback(lambda _: None)
        self.server.clock.advance(0)
        self.session.end()
        self.server.advance(10)
        self.assertFalse(self.client.connected)


class AnsweredAfterTheEndTests(TransitiveTestCase):
    """
    Calls that run when their session is ended get plain data, and nothing that lives on.
    """

    def answer(self, thing):
        answer = self.alice.callRemote("later")
        self.server.flush()
        self.kick()
        self.avatar.room.later.pop().callback(thing)
        return answer

    def assert_refused(self, thing):
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(self.answer(thing))
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        broker = self.client.server_broker
        self.assertEqual((len(broker._grants), len(broker._cache_grants)), (0, 0))
        self.assertEqual(broker.remotelyCachedObjects, {})

    def test_live_copy(self):
        settings = self.avatar.room.settings
        self.assert_refused(settings)
        self.assertEqual(len(settings._observers), 0)

    def test_reference(self):
        self.assert_refused([1, self.avatar.room])

    def test_view(self):
        self.assert_refused(self.avatar.window)

    def test_plain_data(self):
        self.assertEqual(self.client.wait(self.answer({"a": [1]})), {"a": [1]})

    def test_call_that_ends_its_session(self):
        for what in ("counter", "settings"):
            with self.assertRaises(pb.RemoteError) as caught:
                self.client.call(self.alice, "end", what)
            self.assertIs(reason_of(caught.exception), Reason.KICKED)
            self.alice = self.client.login("alice", "secret")
        self.assertEqual(self.client.call(self.alice, "end", None), 5)
