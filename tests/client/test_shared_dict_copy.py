"""
The client's live copy of a shared dictionary.
"""

from collections.abc import Mapping

from twisted.spread import pb

from pbrealm.client import ClientFactory, SharedDictCopy
from tests.delivery.cases import SharedDictTestCase


class SharedDictCopyTests(SharedDictTestCase):
    def setUp(self):
        self.serve()
        self.copy = self.join()
        self.seen = []

    def see(self, keys):
        self.seen.append((set(keys), dict(self.copy)))

    def test_mapping(self):
        self.assertTrue(issubclass(SharedDictCopy, Mapping))

    def test_in_order(self):
        self.copy.on_change(self.see)
        for n in range(20):
            self.state["n"] = n
        self.server.flush()
        self.assertEqual(self.seen, [({"n"}, {"n": n}) for n in range(20)])

    def test_which_keys_changed(self):
        """There is one call for each message, and it comes after the change."""
        self.copy.on_change(self.see)
        self.state.update(a=1, b=2, c=3)
        del self.state["b"]
        self.state.clear()
        self.server.flush()
        self.assertEqual(
            self.seen,
            [
                ({"a", "b", "c"}, {"a": 1, "b": 2, "c": 3}),
                ({"b"}, {"a": 1, "c": 3}),
                ({"a", "c"}, {}),
            ],
        )

    def test_new_whole_state(self):
        """The callbacks stay, and get all keys that differ."""
        self.state.update(same=1, other=2, gone=3)
        self.server.flush()
        self.copy.on_change(self.see)
        self.copy.setCopyableState({"items": {"same": 1, "other": 4, "new": 5}})
        self.assertEqual(
            self.seen, [({"other", "gone", "new"}, {"same": 1, "other": 4, "new": 5})]
        )

    def test_same_whole_state(self):
        self.state["a"] = 1
        self.server.flush()
        self.copy.on_change(self.see)
        self.copy.setCopyableState({"items": {"a": 1}})
        self.assertEqual(self.seen, [])

    def test_unsubscribe(self):
        """It undoes one subscription, however often it is called."""
        first, second = (self.copy.on_change(self.see) for _ in range(2))
        first()
        first()
        self.state["a"] = 1
        self.server.flush()
        self.assertEqual(self.seen, [({"a"}, {"a": 1})])
        second()
        self.state["a"] = 2
        self.server.flush()
        self.assertEqual(len(self.seen), 1)

    def test_unsubscribe_in_a_callback(self):
        """A callback that another has just unsubscribed isn't called."""

        def first(keys):
            unsubscribe()

        self.copy.on_change(first)
        unsubscribe = self.copy.on_change(self.see)
        self.state["a"] = 1
        self.server.flush()
        self.assertEqual(self.seen, [])

    def test_failing_callback(self):
        """It is logged, and the others are told."""
        self.copy.on_change(lambda keys: 1 / 0)
        self.copy.on_change(self.see)
        self.state["a"] = 1
        self.server.flush()
        self.assertEqual(self.seen, [({"a"}, {"a": 1})])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StaleTests(SharedDictTestCase):
    plain = False

    def test_connection_lost(self):
        for factory in (pb.PBClientFactory(), ClientFactory()):
            self.serve(plain=self.plain)
            copy = self.join(factory)
            self.assertFalse(copy.stale)
            self.clients[0].drop()
            self.assertTrue(copy.stale)

    def test_copy_of_another_login(self):
        """Each has its own connection."""
        self.serve(plain=self.plain)
        first, second = self.join(), self.join()
        self.clients[0].leave()
        self.assertEqual((first.stale, second.stale), (True, False))


class StaleUnderAPlainFactoryTests(StaleTests):
    plain = True


class EndedByTheServerTests(SharedDictTestCase):
    def test_session_ended(self):
        """The copy is stale at once, before the connection is closed."""
        self.serve()
        copy = self.join()
        (session,) = self.sessions_of(self.clients[0])
        self.assertFalse(copy.stale)
        session.end()
        self.clients[0].pump()
        self.assertFalse(self.clients[0].broker.disconnected)
        self.assertTrue(copy.stale)

    def test_one_of_two_sessions(self):
        """The copy of the other is still live."""
        self.serve()
        copy = self.join()
        client = self.clients[0]
        other = client.login("bob", "s")
        bobs = client.call(other, "state")
        session = next(each for each in self.sessions_of(client) if each.avatar_id == "alice")
        session.end()
        self.server.flush()
        self.assertTrue(client.connected)
        self.assertEqual((copy.stale, bobs.stale), (True, False))
        self.assertEqual(self.flushLoggedErrors(), [])

    def sessions_of(self, client):
        return client.server_broker.client.sessions
