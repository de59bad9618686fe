"""
The states in memory, and when they are loaded and dropped.
"""

import gc

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from pbrealm import SharedStateRealm
from pbrealm.errors import StoreClosed, StoreDamaged, StoreError, StoreUnusable
from pbrealm.store import IStore, Store
from pbrealm.testing import MemoryServer
from tests.delivery.cases import StateAvatar
from tests.store.cases import MemoryStoreTestCase


class SlowReads:
    """Makes a storage's reads wait."""

    def __init__(self, storage):
        self.read = storage.read
        self.waiting = []
        storage.read = self.wait

    def wait(self, name):
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        return waiting.addCallback(lambda _: self.read(name))

    def go_on(self):
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(None)


class LoadTests(MemoryStoreTestCase):
    def test_interface(self):
        verifyObject(IStore, self.store)

    def test_one_object(self):
        """Of a name that is loaded, everybody gets the same object."""
        alice = self.load()
        self.assertIs(self.load(), alice)
        self.assertIsNot(self.load("bob"), alice)
        self.assertEqual(alice.name, "alice")

    def test_one_read(self):
        """Who asks while a name is being loaded waits for that."""
        slow = SlowReads(self.storage)
        first, second = self.store.load("alice"), self.store.load("alice")
        self.assertEqual(len(slow.waiting), 1)
        slow.go_on()
        self.assertIs(self.successResultOf(first), self.successResultOf(second))

    def test_cancel(self):
        """One who doesn't wait any more leaves the others waiting."""
        slow = SlowReads(self.storage)
        first, second = self.store.load("alice"), self.store.load("alice")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        slow.go_on()
        self.successResultOf(second)

    def test_dropped(self):
        """A state that nobody keeps isn't kept here either."""
        state = self.load()
        state["a"] = 1
        self.turn()
        del state
        gc.collect()
        self.assertEqual(len(self.store._states), 0)
        self.assertEqual(dict(self.load()), {"a": 1})

    def test_only_what_is_asked_for(self):
        """Nothing is loaded before it is asked for."""
        for number in range(100):
            self.load(f"user{number}")["a"] = number
        self.turn()
        store = Store(self.storage, clock=self.clock)
        slow = SlowReads(self.storage)
        self.successResultOf(store.open())
        self.successResultOf(store.names())
        store.load("user7")
        self.assertEqual((len(slow.waiting), len(store._states)), (1, 0))

    def test_names_that_are_none(self):
        for name in (None, b"alice", 5):
            self.assertRaises(TypeError, self.store.load, name)
            self.assertRaises(TypeError, self.store.delete, name)
        self.assertRaises(ValueError, self.store.load, "\ud800")

    def test_realm(self):
        """A realm's linger and eviction say how long a state is kept."""
        realm = SharedStateRealm(
            lambda name, state: StateAvatar(name, state, 0), self.store.load, linger=10
        )
        server = MemoryServer(realm, {"alice": "s"}, clock=self.clock)
        client = server.connect()
        client.call(client.login("alice", "s"), "set", "a", 1)
        state = self.load()
        self.assertIs(realm.states["alice"], state)
        realm.evict("alice")
        again = server.connect()
        reference = again.login("alice", "s")
        self.assertIs(realm.states["alice"], state)
        del state, reference
        for each in (client, again):
            each.drop()
        # They have the brokers, which keep what was called at the end.
        server.clients.clear()
        del client, again, each
        gc.collect()
        self.assertEqual(len(self.store._states), 1)
        server.advance(10)
        gc.collect()
        self.assertEqual(len(self.store._states), 0)


class FailureTests(MemoryStoreTestCase):
    def test_not_opened(self):
        """The first call opens the store; if that fails, the next tries again."""
        self.break_storage("players.db is in use by another process")
        self.failureResultOf(self.store.open(), StoreError)
        why = self.failureResultOf(self.store.load("alice"), StoreUnusable)
        # What clients get to see doesn't say which file it is.
        self.assertNotIn("players.db", str(why.value))
        self.assertIn("players.db", self.logged[-1]["why"])
        self.break_storage(None)
        self.load()

    def test_not_read(self):
        """A state that can't be read is an error and a line in the log; others can be."""
        bob = self.load("bob")
        self.break_storage()
        self.failureResultOf(self.store.load("alice"), StoreError)
        (event,) = self.logged
        self.assertIn("no space left", event["why"])
        self.assertIs(self.load("bob"), bob)
        self.break_storage(None)
        self.load()

    def test_damaged(self):
        """A damaged state can't be loaded, but others can, and it can be deleted."""
        self.load()["a"] = 1
        self.turn()
        gc.collect()
        for rows in ({b"\x01": b"\x80"}, {b"\x01\x81": b"\x01\x81", b"\x01\x83": b""}):
            self.storage.rows["alice"] = rows
            self.failureResultOf(self.store.load("alice"), StoreDamaged)
        self.load("bob")
        deleted = self.store.delete("alice")
        self.turn()
        self.successResultOf(deleted)
        self.assertEqual(dict(self.load()), {})


class DeleteTests(MemoryStoreTestCase):
    def test_loaded(self):
        """A state that is loaded is emptied."""
        state = self.load()
        state["a"] = 1
        self.turn()
        deleted = self.store.delete("alice")
        self.assertEqual(dict(state), {})
        self.assertNoResult(deleted)
        self.turn()
        self.successResultOf(deleted)
        self.assertEqual(self.successResultOf(self.store.names()), [])
        self.assertIs(self.load(), state)

    def test_not_loaded(self):
        self.load()["a"] = 1
        self.turn()
        gc.collect()
        slow = SlowReads(self.storage)
        deleted = self.store.delete("alice")
        self.turn()
        self.successResultOf(deleted)
        self.assertEqual((slow.waiting, self.storage.rows), ([], {}))

    def test_load_while_deleting(self):
        """A load waits until the deletion is saved, or has failed."""
        for broken, expected in ((None, {}), ("full", {"a": 1})):
            self.load()["a"] = 1
            self.turn()
            gc.collect()
            self.storage.hold()
            deleted = self.store.delete("alice")
            loaded = self.store.load("alice")
            self.turn()
            self.assertNoResult(loaded)
            self.storage.broken = broken
            self.storage.release_one()
            if broken:
                # It was read while the storage was still broken.
                self.failureResultOf(loaded, StoreError)
                self.failureResultOf(deleted, StoreError)
                self.storage.broken = None
                loaded = self.store.load("alice")
            else:
                self.successResultOf(deleted)
            state = self.successResultOf(loaded)
            self.assertEqual(dict(state), expected)
            del state
            self.storage.release()
            del deleted, loaded

    def test_delete_while_loading(self):
        """It waits for the load, and empties what was loaded."""
        self.load()["a"] = 1
        self.turn()
        gc.collect()
        slow = SlowReads(self.storage)
        loaded, deleted = self.store.load("alice"), self.store.delete("alice")
        self.turn()
        self.assertNoResult(deleted)
        slow.go_on()
        state = self.successResultOf(loaded)
        self.turn()
        self.successResultOf(deleted)
        self.assertEqual((dict(state), self.storage.rows), ({}, {}))


class CloseTests(MemoryStoreTestCase):
    def test_saves(self):
        """What was changed is saved first."""
        state = self.load()
        self.storage.hold()
        state["a"] = 1
        self.turn()
        state["b"] = 2
        closed, again = self.store.close(), self.store.close()
        self.storage.release_one()
        self.assertNoResult(closed)
        self.storage.release()
        self.successResultOf(closed)
        self.successResultOf(again)
        self.assertEqual(self.stored(), {"a": 1, "b": 2})
        self.successResultOf(self.store.close())

    def test_without_a_turn(self):
        """Where the reactor has stopped, what was changed last is written at once."""
        self.load()["a"] = 1
        self.successResultOf(self.store.close())
        self.assertEqual(self.stored(), {"a": 1})
        self.turn()
        self.assertEqual(self.storage.writes, 1)

    def test_not_saved(self):
        """It closes also if what was changed last can't be saved."""
        state = self.load()
        state["a"] = 1
        saved = state.saved()
        self.break_storage()
        closed = self.store.close()
        self.failureResultOf(saved, StoreError)
        self.successResultOf(closed)
        self.assertEqual(dict(state), {})

    def test_refuses(self):
        """After that, it refuses everything."""
        self.load()
        self.successResultOf(self.store.close())
        for refused in (
            self.store.load("bob"),
            self.store.names(),
            self.store.delete("bob"),
            self.store.open(),
        ):
            self.failureResultOf(refused, StoreClosed)

    def test_never_opened(self):
        self.successResultOf(self.store.close())
        self.failureResultOf(self.store.load("alice"), StoreClosed)

    def test_during_opening(self):
        """What came before is still done."""
        opening: Deferred[None] = Deferred()
        self.patch(self.storage, "open", lambda: opening)
        loaded, closed = self.store.load("alice"), self.store.close()
        self.assertNoResult(closed)
        opening.callback(None)
        self.successResultOf(loaded)
        self.successResultOf(closed)

    def test_during_a_failing_opening(self):
        opening: Deferred[None] = Deferred()
        self.patch(self.storage, "open", lambda: opening)
        loaded, closed = self.store.load("alice"), self.store.close()
        opening.errback(StoreError("no"))
        self.failureResultOf(loaded, StoreError)
        self.successResultOf(closed)

    def test_storage_with_a_bug(self):
        """Closing never fails."""
        self.load()
        self.patch(self.storage, "close", lambda: 1 / 0)
        self.successResultOf(self.store.close())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
