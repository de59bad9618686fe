"""
The references that clients pass through a session, to be called by.
"""

from typing import Any

from twisted.spread import pb

from pbrealm import ClientSet, Reason, reason_of
from pbrealm.client import ClientFactory
from tests.server.passing_cases import PassingTestCase


class ListenersTests(PassingTestCase):
    """
    What a client is sent through a reference that it passed belongs to the session that it passed
    it to, whoever's call has it sent.
    """

    def setUp(self):
        super().setUp()
        self.client.call(self.alice, "join", self.listener)

    def assert_alices(self):
        counter, copy = self.taken()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick()
        self.assert_revoked(counter, "add")
        self.assert_no_changes(copy)

    def test_in_a_call_of_the_same_session(self):
        self.client.call(self.alice, "say")
        self.assert_alices()

    def test_in_a_call_of_another_session(self):
        self.client.call(self.bob, "say")
        self.assert_alices()

    def test_in_a_call_of_another_connection(self):
        other = self.server.connect(ClientFactory())
        other.call(other.login("bob", "secret"), "say")
        self.assert_alices()

    def test_later(self):
        self.call(self.bob, "say_later")
        self.assert_alices()

    def test_outside_of_any_call(self):
        self.avatar("bob").perspective_say()
        self.assert_alices()

    def test_in_a_set_of_clients(self):
        ((avatar, listener),) = self.room
        clients = ClientSet[Any](clock=self.server.clock)
        clients.add(listener)
        clients.notify("take", 5)
        self.assertEqual(self.taken(), [5])
        clients.notify("take", avatar.counter)
        clients.notify("take", avatar.settings)
        self.assert_alices()

    def test_the_end_of_the_caller(self):
        self.client.call(self.bob, "say")
        counter, copy = self.taken()
        self.kick("bob")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.avatar("alice").settings["volume"] = 2
        self.server.flush()
        self.assertEqual(copy["volume"], 2)

    def test_passed_to_another_session_too(self):
        """The same object of the client, passed twice, is two references to the server."""
        self.client.call(self.bob, "join", self.listener)
        self.client.call(self.bob, "say")
        counter, copy, bobs_counter, _ = self.taken()
        self.kick()
        self.assert_revoked(counter, "add")
        self.assert_no_changes(copy)
        self.assertEqual(self.client.call(bobs_counter, "add"), 1)

    def test_after_the_end(self):
        """Nothing is handed out any more; plain data still reaches the client."""
        self.kick()
        ((avatar, listener),) = self.room
        for send in (listener.callRemote, lambda name, *args: listener.remoteMethod(name)(*args)):
            for thing in (avatar.counter, avatar.settings, avatar.score):
                why = self.failureResultOf(send("take", thing))
                self.assertIs(reason_of(why.value), Reason.KICKED)
            send("take", 5)
            self.assertEqual(self.taken(), [5])

    def test_it_is_a_reference_like_any_other(self):
        ((_, listener),) = self.room
        self.assertIsInstance(listener, pb.RemoteReference)
        self.assertEqual(listener, pb.RemoteReference(None, listener.broker, listener.luid, 0))
        self.avatar("alice").kept = listener
        self.assertIs(self.client.call(self.alice, "get", "kept"), self.listener)

    def test_the_client_is_told_once(self):
        """That it isn't needed any more."""
        broker = self.client.broker
        self.assertEqual([each.object for each in broker.localObjects.values()], [self.listener])
        self.room.clear()
        self.server.flush()
        self.assertEqual(broker.localObjects, {})


class StoppedCopiesTests(PassingTestCase):
    """
    A live copy that has ended with its session can't be passed back.
    """

    def test_refused(self):
        copy = self.client.call(self.alice, "get", "settings")
        self.kick()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.bob, "keep", copy)
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        self.assertIsNone(self.avatar("bob").kept)
        # The exception's traceback refers to the copy.
        del copy, caught
        self.server.flush()
        self.assertEqual(self.client.server_broker.remotelyCachedObjects, {})

    def test_one_that_is_not_there(self):
        """It's the client's error, and in nobody's log."""
        copy = self.client.call(self.alice, "get", "settings")
        for luid in (99, [b"list"]):
            copy.jellyFor = lambda jellier, luid=luid: [b"lcache", luid]
            with self.assertRaises(pb.RemoteError) as caught:
                self.client.call(self.bob, "keep", copy)
            self.assertIn("Invalid Object ID", str(caught.exception))
