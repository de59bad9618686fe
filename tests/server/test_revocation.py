"""
What a session has handed out ends with it, whatever happens on the connection afterwards.
"""

from typing import Any

from twisted.spread import pb

from pbrealm import Reason, SharedDict
from pbrealm._server.grants import Grants
from pbrealm.client import ClientFactory
from pbrealm.testing import RecordingMind, StallingMind
from tests.server.revocation_cases import Counter, RevocationTestCase


class ReferenceTests(RevocationTestCase):
    def test_reference(self):
        counter = self.client.call(self.alice, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")
        self.assertEqual(self.caching.avatars["alice"].counter.count, 1)

    def test_view(self):
        score = self.client.call(self.alice, "score")
        self.assertEqual(self.client.call(score, "read"), "the score of alice")
        self.kick()
        self.assert_revoked(score, "read")

    def test_others_keep_theirs(self):
        counter = self.client.call(self.bob, "counter")
        self.kick()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_answers_that_came_later(self):
        """A Deferred or a coroutine hands out for the session that made the call."""
        avatar = self.caching.avatars["alice"]
        for method in ("counter_later", "counter_by_coroutine"):
            answer = self.alice.callRemote(method)
            self.server.flush()
            avatar.later.pop().callback(avatar.counter)
            counter = self.client.wait(answer)
            self.assertEqual(type(counter), pb.RemoteReference)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_argument_of_a_notification(self):
        (session,) = self.realm.sessions("alice")
        session.notify("take", self.caching.avatars["alice"].counter)
        self.server.flush()
        ((_, (counter,)),) = self.mind.calls
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_stays_revoked(self):
        """Whatever comes afterwards: a wrong password, a login, a logout by the client."""
        counter = self.client.call(self.alice, "counter")
        self.kick()
        wrong = self.client.start_login("alice", "wrong")
        self.assert_revoked(counter, "add")
        wrong.addErrback(lambda _: None)
        again = self.client.login("alice", "secret")
        self.assert_revoked(counter, "add")
        del self.bob
        self.server.flush()
        self.assert_revoked(counter, "add")
        del again
        self.server.flush()
        self.assert_revoked(counter, "add")

    def test_handed_out_again(self):
        """A new session that hands out the same object lets it be used again."""
        counter = self.client.call(self.alice, "counter")
        self.kick()
        again = self.client.login("alice", "secret")
        self.client.call(again, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_logout_by_the_client(self):
        """A client that leaves its avatar by itself may keep what it got from it."""
        counter = self.client.call(self.alice, "counter")
        del self.alice
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)

    def test_nothing_is_left(self):
        counter = self.client.call(self.alice, "counter")
        self.assertEqual(len(self.client.server_broker._grants), 1)
        del counter
        self.server.flush()
        self.assertEqual(len(self.client.server_broker._grants), 0)

    def test_guest_before_the_goodbye_is_over(self):
        """A connection that is about to be closed takes no login, so nothing is revived."""
        client = self.server.connect()
        held = client.login("alice", "secret", StallingMind())
        counter = client.call(held, "counter")
        for session in self.realm.sessions("alice"):
            session.end()
        self.server.flush()
        self.assertRaises(pb.RemoteError, client.login, "bob", "secret")
        self.assertRaises(pb.RemoteError, client.call, counter, "add")


class OtherConnectionTests(RevocationTestCase):
    """
    carol's avatar hands something to bob, who is on another connection.
    """

    def setUp(self):
        super().setUp()
        self.other = self.server.connect(ClientFactory())
        self.other_mind = RecordingMind()
        self.other_bob = self.other.login("bob", "secret", self.other_mind)
        self.receiver = self.realm.sessions("bob")[-1]

    def give(self, thing, send):
        """Have alice's avatar send something to bob's mind while it serves a call of alice's."""
        avatar: Any = self.caching.avatars["alice"]
        avatar.perspective_give = lambda: send(thing) and None
        self.client.call(self.alice, "give")
        self.server.flush()
        ((_, (received,)),) = self.other_mind.calls
        return received

    def test_it_is_not_bound_to_the_giver(self):
        room = Counter()
        for send in (
            lambda thing: self.receiver.mind.callRemote("take", thing),
            lambda thing: self.receiver.notify("take", thing),
            lambda thing: self.realm.notify("bob", "take", thing),
        ):
            self.other_mind.calls.clear()
            received = self.give(room, send)
            (session,) = self.realm.sessions("alice")
            session.end()
            self.server.flush()
            room.count = 0
            self.assertEqual(self.other.call(received, "add"), 1)
            self.alice = self.client.login("alice", "secret", self.mind)

    def test_live_copy(self):
        settings = SharedDict("room", {"open": 1})
        copy = self.give(settings, lambda thing: self.receiver.mind.callRemote("take", thing))
        self.kick()
        self.other.call(self.other_bob, "score")
        settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 2})


class LiveCopyTests(RevocationTestCase):
    def test_no_more_changes(self):
        copy = self.client.call(self.alice, "settings")
        settings = self.caching.avatars["alice"].settings
        settings["volume"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"volume": 2})
        self.kick()
        settings["volume"] = 3
        self.server.flush()
        self.assertEqual(dict(copy), {"volume": 2})
        self.assertEqual(len(settings._observers), 0)
        del copy
        self.server.flush()
        self.assertTrue(self.client.connected)
        self.assertEqual(self.client.server_broker.remotelyCachedObjects, {})

    def test_new_session_gets_a_new_copy(self):
        copy = self.client.call(self.alice, "settings")
        self.kick()
        again = self.client.login("alice", "secret")
        new = self.client.call(again, "settings")
        self.caching.avatars["alice"].settings["volume"] = 4
        self.server.flush()
        self.assertEqual((dict(copy), dict(new)), ({"volume": 1}, {"volume": 4}))

    def test_others_keep_theirs(self):
        copy = self.client.call(self.bob, "settings")
        self.kick()
        self.caching.avatars["bob"].settings["volume"] = 5
        self.server.flush()
        self.assertEqual(dict(copy), {"volume": 5})


class GrantsTests(RevocationTestCase):
    def test_many_logins_leave_little(self):
        """What a client that logs in and out all day keeps is bound to few of these sessions."""
        client = self.server.connect(ClientFactory())
        first = client.login("alice", "secret")
        counter = client.call(first, "counter")
        del first
        for _ in range(20):
            again = client.login("alice", "secret")
            client.call(again, "counter")
            del again
            self.server.flush()
        (sessions,) = client.server_broker._grants._sessions.values()
        self.assertEqual([each.ended for each in sessions], [Reason.LOGGED_OUT] * 2)
        self.assertEqual(client.call(counter, "add"), 1)

    def test_outside_of_a_session(self):
        """What was handed out outside of any session is bound to none."""
        grants = Grants()
        grants.add(1, ())
        grants.check(1)
        grants.check(2)
        self.assertEqual(grants.revoked(), [])
