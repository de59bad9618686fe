"""
What a session has handed out hands things out on behalf of that session.
"""

from twisted.spread import pb

from pbrealm import MindTrackingRealm, Reason, current_session, reason_of
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.server.revocation_cases import TransitiveTestCase
from tests.session.test_enclosed import HandWrittenRealm


class GivenByReferencesTests(TransitiveTestCase):
    def setUp(self):
        super().setUp()
        self.room = self.client.call(self.alice, "room")

    def test_itself(self):
        """A method that returns its object doesn't make the reference last."""
        self.client.call(self.room, "itself")
        self.kick()
        self.assert_revoked(self.room, "add")

    def test_another(self):
        counter = self.client.call(self.room, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_no_session_is_current(self):
        self.client.call(self.room, "itself")
        self.assertEqual(self.avatar.room.sessions, [None])

    def test_answer_that_comes_later(self):
        answer = self.room.callRemote("counter_later")
        self.server.flush()
        self.avatar.room.later.pop().callback(self.avatar.room.counter)
        counter = self.client.wait(answer)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_answer_after_the_end(self):
        answer = self.room.callRemote("counter_later")
        self.server.flush()
        self.kick()
        self.avatar.room.later.pop().callback(self.avatar.room.counter)
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(answer)
        self.assertIs(reason_of(caught.exception), Reason.KICKED)

    def test_call_of_the_client_later(self):
        """A coroutine that the call has started hands out for the same session."""
        answer = self.room.callRemote("take_later", self.mind)
        self.server.flush()
        self.avatar.room.later.pop().callback(None)
        self.client.wait(answer)
        (counter,) = self.taken(self.mind)
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_live_copy(self):
        copy = self.client.call(self.room, "settings")
        self.kick()
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_shared_with_another_session(self):
        """What two sessions have handed out goes on until the last of them ends."""
        guest = self.realm.sessions()[-1]
        guest.notify("take", self.avatar.room)
        self.server.flush()
        counter = self.client.call(self.room, "counter")
        self.kick()
        self.assertEqual(self.client.call(self.room, "add"), 1)
        self.assertEqual(self.client.call(counter, "add"), 2)


class GivenByViewsTests(TransitiveTestCase):
    def test_itself(self):
        window = self.client.call(self.alice, "window")
        self.client.call(window, "itself")
        self.kick()
        self.assert_revoked(window, "add")

    def test_another(self):
        counter = self.client.call(self.client.call(self.alice, "window"), "counter")
        self.kick()
        self.assert_revoked(counter, "add")


class GivenByLiveCopiesTests(TransitiveTestCase):
    def change(self):
        """Change a live copy outside of any call, to something that can be called."""
        copy = self.client.call(self.alice, "settings")
        self.avatar.room.settings["counter"] = self.avatar.room.counter
        self.server.flush()
        return copy

    def test_reference_in_a_change(self):
        counter = self.change()["counter"]
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_change_by_a_session_that_has_ended(self):
        """Its running calls still change what others have copies of."""
        (guest,) = (each for each in self.realm.sessions() if each.avatar_id != "alice")
        guest.notify("take", self.avatar.room.settings)
        self.avatar.perspective_end = lambda what: self.end_and_change()
        self.client.call(self.alice, "end", None)
        (copy,) = self.taken(self.guest_mind)
        self.assertEqual(self.client.call(copy["counter"], "add"), 1)

    def end_and_change(self):
        session = current_session()
        assert session is not None
        session.end()
        self.avatar.room.settings["counter"] = self.avatar.room.counter


class GivenToMindsTests(TransitiveTestCase):
    def test_while_attaching(self):
        self.avatar.early = [self.avatar.room, self.avatar.room.settings]
        self.kick()
        mind = RecordingMind()
        self.alice = self.client.login("alice", "secret", mind)
        room, copy = self.taken(mind)
        self.assertEqual(self.client.call(room, "add"), 1)
        self.kick()
        self.assert_revoked(room, "add")
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_login_that_fails(self):
        """What was handed out by a login that was refused after all isn't the client's either."""
        self.kick()
        mind = RecordingMind()

        def attached(session):
            session.mind.callRemote("take", self.avatar.room.settings, pbanswer=False)
            raise RuntimeError("no")

        self.avatar.attached = attached
        with self.assertRaises(pb.RemoteError):
            self.client.login("alice", "secret", mind)
        self.flushLoggedErrors(RuntimeError)
        (copy,) = self.taken(mind)
        self.avatar.room.settings["open"] = 2
        self.server.flush()
        self.assertEqual(dict(copy), {"open": 1})

    def test_broadcast(self):
        """What a broadcast passes ends with the session that it was passed to."""
        counter = self.avatar.room.counter
        self.realm.notify("alice", "take", counter)
        (received,) = self.taken(self.mind)
        self.assertEqual(self.client.call(received, "add"), 1)
        self.kick()
        self.assert_revoked(received, "add")

    def test_broadcast_to_others(self):
        self.realm.broadcast("take", self.avatar.room.counter)
        (received,) = self.taken(self.guest_mind)
        self.kick()
        self.assertEqual(self.client.call(received, "add"), 1)

    def test_outside_of_any_session(self):
        """That the program sends an object by itself doesn't make a session's grant last."""
        room = self.client.call(self.alice, "room")
        (session,) = self.realm.sessions("alice")
        session.mind.callRemote("take", self.avatar.room, pbanswer=False)
        self.server.flush()
        self.kick()
        self.assert_revoked(room, "add")


class EnclosedTests(TransitiveTestCase):
    """
    A hand-written realm between two of pbrealm's: two sessions, of which the inner one is called.
    """

    def test_live_copy(self):
        outer = MindTrackingRealm(HandWrittenRealm(self.realm))
        server = MemoryServer(outer)
        client = server.connect(ClientFactory())
        alice, bob = client.login("alice", "secret"), client.login("bob", "secret")
        copy = client.call(alice, "settings")
        (session,) = outer.sessions("alice")
        session.end()
        server.flush()
        self.avatar.room.settings["open"] = 2
        server.flush()
        self.assertEqual(dict(copy), {"open": 1})
        client.call(bob, "room")
