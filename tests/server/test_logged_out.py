"""
What a session has handed out that has logged out by itself: it ends with the next session of the
same avatar id that the server ends.
"""

from typing import Any

from pbrealm import DisposableRealm, LoginRefused, Reason, reason_of
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Slow
from tests.server.revocation_cases import Giver, RevocationTestCase


class LoggedOutTests(RevocationTestCase):
    """
    alice logs in twice, gets the same from both sessions, and logs out of the first.
    """

    def setUp(self):
        super().setUp()
        self.again = self.client.login("alice", "secret")
        self.avatar: Any = self.caching.avatars["alice"]

    def log_out_of_the_first(self):
        del self.alice
        self.server.flush()

    def test_kicked(self):
        """That it was also got from the first doesn't make it last."""
        counter = self.client.call(self.alice, "counter")
        self.client.call(self.again, "counter")
        self.log_out_of_the_first()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_got_again_after_the_logout(self):
        counter = self.client.call(self.alice, "counter")
        self.log_out_of_the_first()
        self.client.call(self.again, "counter")
        self.kick()
        self.assert_revoked(counter, "add")

    def test_got_from_the_first_only(self):
        counter = self.client.call(self.alice, "counter")
        self.log_out_of_the_first()
        self.kick()
        self.assert_revoked(counter, "add")

    def running(self, reference, method, *args):
        """Call a method that answers when the test says so."""
        answer = reference.callRemote(method, *args)
        self.server.flush()
        return answer

    def assert_refused(self, answer):
        self.server.flush()
        self.assertIs(reason_of(self.failureResultOf(answer)), Reason.KICKED)

    def test_calls_that_are_running(self):
        """They are answered after the kick, but not with what would outlive it."""
        methods = ("counter_later", "counter_by_coroutine")
        answers = [self.running(self.alice, each) for each in methods]
        self.log_out_of_the_first()
        self.kick()
        for answer in answers:
            self.avatar.later.pop(0).callback(self.avatar.counter)
            self.assert_refused(answer)

    def test_passed_back_and_dropped(self):
        """What the client passes back stays that of the session that it got it from."""
        passed_back = []

        def perspective_return_later(thing):
            passed_back.append(thing)
            return self.avatar.perspective_counter_later()

        self.avatar.perspective_return_later = perspective_return_later
        counter = self.client.call(self.alice, "counter")
        answer = self.running(self.again, "return_later", counter)
        self.log_out_of_the_first()
        del counter
        self.server.flush()
        self.kick()
        self.avatar.later.pop().callback(passed_back.pop())
        self.assert_refused(answer)

    def test_sent_by_what_the_client_passed(self):
        subscribers: list[Any] = []
        self.avatar.perspective_subscribe = subscribers.append
        callback = RecordingMind()
        self.client.call(self.alice, "subscribe", callback)
        self.log_out_of_the_first()
        self.kick()
        for send in (
            lambda thing: subscribers[0].callRemote("take", thing),
            lambda thing: subscribers[0].remoteMethod("take")(thing),
        ):
            self.assert_refused(send(self.avatar.counter))
        self.assertEqual(callback.calls, [])

    def test_each_kick_revokes_what_was_left_before(self):
        """That of a session that logged in after an earlier kick, too."""
        third = self.client.login("alice", "secret")
        self.kick()
        fourth = self.client.login("alice", "secret")
        counter = self.client.call(fourth, "counter")
        del fourth
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")
        self.client.call(third, "score")

    def test_live_copy(self):
        copy = self.client.call(self.alice, "settings")
        self.client.call(self.again, "settings")
        self.log_out_of_the_first()
        self.kick()
        settings = self.caching.avatars["alice"].settings
        settings["volume"] = 2
        self.server.flush()
        self.assertEqual((dict(copy), len(settings._observers)), ({"volume": 1}, 0))

    def test_another_that_is_open(self):
        """What a session that goes on has handed out isn't revoked with others."""
        third = self.client.login("alice", "secret")
        counter = self.client.call(self.alice, "counter")
        self.client.call(third, "counter")
        self.log_out_of_the_first()
        self.kick()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_others(self):
        """The kick of another avatar id's session revokes nothing of it, and a logout doesn't."""
        counter = self.client.call(self.alice, "counter")
        self.log_out_of_the_first()
        self.kick("bob")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.bob = self.client.login("bob", "secret")
        del self.again
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 2)

    def test_logged_out_after_the_kick(self):
        """A kick concerns sessions that are over, not those that end later."""
        counter = self.client.call(self.again, "counter")
        self.kick()
        del self.again
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)


class PendingTests(RevocationTestCase):
    """
    alice logs in, gets something and logs out.  The server ends the next session of hers while its
    login is pending.
    """

    def setUp(self):
        self.slow = Slow(Giver)
        self.server = MemoryServer(DisposableRealm(self.slow))
        self.client = self.server.connect(ClientFactory())
        self.bob = self.log_in("bob")

    def start_login(self, name):
        login = self.client.start_login(name, "secret")
        self.server.flush()
        return login

    def log_in(self, name):
        login = self.start_login(name)
        self.slow.finish()
        return self.client.wait(login)

    def get(self, method):
        alice = self.log_in("alice")
        return self.client.call(alice, method)

    def kick_pending(self):
        self.server.flush()
        login = self.start_login("alice")
        session = self.client.server_broker.client.sessions[-1]
        self.assertEqual(session.avatar_id, "alice")
        session.end()
        self.server.flush()
        self.assertIs(reason_of(self.failureResultOf(login)), Reason.KICKED)

    def test_reference(self):
        counter = self.get("counter")
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick_pending()
        self.assert_revoked(counter, "add")

    def test_refused(self):
        """The server ends the session of a login that it refuses, too."""
        counter = self.get("counter")
        self.server.flush()
        login = self.start_login("alice")
        self.slow.fail(LoginRefused("alice is banned"))
        self.server.flush()
        self.assertIs(reason_of(self.failureResultOf(login)), Reason.REFUSED)
        self.assert_revoked(counter, "add", Reason.REFUSED)

    def test_live_copy(self):
        avatar = Giver("alice")
        self.slow.make = lambda _: avatar
        copy = self.get("settings")
        settings = avatar.settings
        self.kick_pending()
        settings["volume"] = 2
        self.server.flush()
        self.assertEqual((dict(copy), len(settings._observers)), ({"volume": 1}, 0))
