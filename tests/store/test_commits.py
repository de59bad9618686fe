"""
The changes that one call makes.
"""

from twisted.internet.defer import Deferred, inlineCallbacks

from pbrealm.errors import SaveFailed
from pbrealm.store import collect_changes
from tests.store.cases import MemoryStoreTestCase


class CollectTests(MemoryStoreTestCase):
    def check_one_turn(self, changes):
        saved = changes.saved()
        self.assertNoResult(saved)
        self.turn()
        self.successResultOf(saved)
        self.assertIsNone(changes.saved())

    def test_nothing(self):
        """A call that changes nothing waits for nothing, whatever others change."""
        state = self.load()
        state["a"] = 1
        with collect_changes() as changes:
            self.assertEqual(state["a"], 1)
        self.assertIsNone(changes.saved())

    def test_changes(self):
        alice, bob = self.load("alice"), self.load("bob")
        with collect_changes() as changes:
            alice["a"] = 1
            bob["a"] = 2
        alice["b"] = 3
        self.check_one_turn(changes)
        self.assertEqual(len(self.stored()), 2)

    def test_coroutines(self):
        """Changes that are made later by what the call has started are its own."""
        state = self.load()
        go_on: list[Deferred[None]] = [Deferred(), Deferred()]

        async def coroutine():
            await go_on[0]
            state["a"] = 1

        @inlineCallbacks
        def generator():
            yield go_on[1]
            state["b"] = 1

        with collect_changes() as changes:
            Deferred.fromCoroutine(coroutine())
            generator()
        self.assertIsNone(changes.saved())
        for each in go_on:
            each.callback(None)
            self.check_one_turn(changes)

    def test_undone(self):
        """If one of the changes was undone, also long ago, the call has failed."""
        state = self.load()
        with collect_changes() as changes:
            self.break_storage()
            state["a"] = 1
            self.turn()
            self.break_storage(None)
            state["b"] = 1
            self.turn()
        self.failureResultOf(changes.saved(), SaveFailed)

    def test_endless(self):
        """A coroutine that goes on for ever leaves nothing behind."""
        state = self.load()
        with collect_changes() as changes:
            for number in range(100):
                state["a"] = number
                self.turn()
        self.assertEqual(len(changes._commits), 1)

    def test_nested(self):
        """The changes of a call within a call are its own."""
        state = self.load()
        with collect_changes() as outer:
            with collect_changes() as inner:
                state["a"] = 1
            self.assertIsNone(outer.saved())
        self.assertIsNotNone(inner.saved())
