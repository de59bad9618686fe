"""
A mapping whose changes are saved.
"""

import gc
from copy import deepcopy
from typing import Any

from hypothesis import given

from pbrealm import SharedDict
from pbrealm.errors import SaveFailed, StoreClosed
from pbrealm.store import Store, StoredDict
from pbrealm.testing import MemoryStorage
from tests.delivery.cases import SharedDictTestCase
from tests.store.cases import MemoryStoreTestCase
from tests.store.test_codec import typed
from tests.wire.plain import hashables, trees


class ChangeTests(MemoryStoreTestCase):
    def test_shared_dict(self):
        self.assertIsInstance(self.load(), SharedDict)

    def test_every_change(self):
        """Each way to change it is saved."""
        state = self.load()
        for change in (
            lambda: state.update(a=1, b=[2], c={"d": None}),
            lambda: state.__setitem__("a", b"bytes"),
            lambda: state.pop("b"),
            lambda: state.setdefault(("a", "tuple"), 5),
            lambda: state.setdefault("a", 6),
            lambda: state.popitem(),
            lambda: state.__delitem__(next(iter(state))),
            lambda: state.clear(),
            lambda: state.clear(),
            lambda: state.update({}),
            lambda: state.update({3: 4}),
        ):
            change()
            before = dict(state)
            self.turn()
            self.assertEqual((self.stored(), dict(state)), (before, before))

    @given(trees, hashables)
    def test_types(self, value, key):
        storage = MemoryStorage()
        store = Store(storage, clock=self.clock)
        state = self.successResultOf(store.load("alice"))
        try:
            state[key] = value
        except TypeError:
            self.assertEqual(dict(state), {})
            return
        self.turn()
        again = self.successResultOf(Store(storage, clock=self.clock).load("alice"))
        self.assertEqual(typed(dict(again)), typed({key: value}))

    def test_one_row(self):
        """A change of one key writes one row, and a group of changes as many as keys."""
        state = self.load()
        state.update({number: number for number in range(100)})
        self.turn()
        written: list[Any] = []
        write = self.storage.write

        def recording(erased, rows):
            written.append(rows)
            return write(erased, rows)

        self.patch(self.storage, "write", recording)
        state[7] = "new"
        self.turn()
        for number in range(50):
            state[8] = number
        del state[9]
        self.turn()
        self.assertEqual([len(rows["alice"]) for rows in written], [1, 2])

    def test_not_storable(self):
        """What can't be stored is refused with the key's name, and nothing has changed."""
        state = self.load()
        state["a"] = 1
        self.turn()
        for change in (
            lambda: state.__setitem__("gold", object()),
            lambda: state.update(a=2, gold=object()),
            lambda: state.setdefault("gold", object()),
        ):
            with self.assertRaisesRegex(TypeError, "'gold'"):
                change()
        with self.assertRaisesRegex(TypeError, "the key nan"):
            state[float("nan")] = 1
        self.turn()
        self.assertEqual((dict(state), self.stored()), ({"a": 1}, {"a": 1}))
        self.assertEqual(self.storage.writes, 1)

    def test_missing_key(self):
        state = self.load()
        self.assertRaises(KeyError, state.__delitem__, "a")
        self.assertRaises(KeyError, state.pop, "a")
        self.assertIsNone(state.pop("a", None))
        self.turn()
        self.assertEqual(self.storage.writes, 0)

    def test_equal_keys(self):
        """Keys that are equal are one item, on the disk too, whatever their types."""
        state = self.load()
        state[1] = "a"
        self.turn()
        state[True] = "b"
        self.turn()
        self.assertEqual(typed(self.stored()), typed({1: "b"}))
        state[1.0] = "c"
        del state[1]
        state[True] = "d"
        self.turn()
        self.assertEqual(typed(self.stored()), typed({True: "d"}))
        state.update({1.0: "e", (1, 2): "f"})
        state[(True, 2.0)] = "g"
        self.turn()
        self.assertEqual(typed(self.stored()), typed({True: "e", (1, 2): "g"}))
        again = self.successResultOf(Store(self.storage, clock=self.clock).load("alice"))
        again[1] = "h"
        del again[(1.0, 2)]
        self.turn()
        self.assertEqual(typed(self.stored()), typed({True: "h"}))

    def test_sets_as_keys(self):
        """Sets that are equal may be encoded in another order, and are one key."""
        one, two = frozenset([8, 16, 24, 0]), frozenset([24, 16, 8, 0])
        state = self.load()
        state[one] = 1
        self.turn()
        state[two] = 2
        self.turn()
        self.assertEqual(self.stored(), {one: 2})

    def test_change_within_a_value(self):
        """It isn't noticed until the value is assigned again."""
        state = self.load()
        state["items"] = ["sword"]
        self.turn()
        state["items"].append("shield")
        self.turn()
        self.assertEqual(self.stored(), {"items": ["sword"]})
        state["items"] = state["items"]
        self.turn()
        self.assertEqual(self.stored(), {"items": ["sword", "shield"]})

    def test_subclass(self):
        class Limited(StoredDict):
            def may_see(self, perspective, key):
                return False

        store = Store(self.storage, state_class=Limited, clock=self.clock)
        self.assertIsInstance(self.successResultOf(store.load("alice")), Limited)


class SavedTests(MemoryStoreTestCase):
    def test_saved(self):
        """It fires once all changes so far are saved, and at once if there are none."""
        state = self.load()
        self.successResultOf(state.saved())
        self.storage.hold()
        state["a"] = 1
        first = state.saved()
        self.turn()
        state["b"] = 2
        second = state.saved()
        self.assertNoResult(first)
        self.storage.release_one()
        self.successResultOf(first)
        self.assertNoResult(second)
        self.storage.release()
        self.successResultOf(second)
        self.successResultOf(state.saved())

    def test_of_another(self):
        """A state doesn't wait for changes of another one; the store waits for all."""
        alice, bob = self.load("alice"), self.load("bob")
        alice["a"] = 1
        self.successResultOf(bob.saved())
        saved = self.store.saved()
        self.assertNoResult(saved)
        self.turn()
        self.successResultOf(saved)
        self.successResultOf(self.store.saved())

    def test_earlier_commit(self):
        """A state whose changes are being written doesn't wait for the next commit."""
        alice, bob = self.load("alice"), self.load("bob")
        self.storage.hold()
        alice["a"] = 1
        self.turn()
        bob["a"] = 1
        saved = alice.saved()
        self.storage.release_one()
        self.successResultOf(saved)

    def test_together(self):
        """Changes that are made without waiting in between are saved together."""
        alice, bob = self.load("alice"), self.load("bob")
        alice["gold"] = 5
        bob["gold"] = 0
        self.turn()
        self.assertEqual(self.storage.writes, 1)

    def test_group_commit(self):
        """All changes that are made during a commit go out together in the next."""
        state = self.load()
        self.storage.hold()
        state["first"] = 0
        self.turn()
        for number in range(100):
            state[number] = number
            self.turn()
        self.assertEqual(self.storage.writes, 1)
        self.storage.release_one()
        self.assertEqual(self.storage.writes, 2)
        self.storage.release()
        self.assertEqual(len(self.stored()), 101)
        self.assertEqual(self.storage.writes, 2)

    def test_kept_until_saved(self):
        """A state that nobody keeps is in memory until its changes are saved."""
        self.storage.hold()
        self.load()["a"] = 1
        gc.collect()
        self.assertEqual(dict(self.load()), {"a": 1})
        self.turn()
        gc.collect()
        self.assertEqual(dict(self.load()), {"a": 1})
        self.storage.release()
        gc.collect()
        self.assertEqual(len(self.store._states), 0)


class FailureTests(MemoryStoreTestCase):
    def lose(self, change, expected):
        """Make a change that fails."""
        state = self.load()
        before = deepcopy(dict(state))
        self.break_storage()
        change(state)
        saved = state.saved()
        self.turn()
        text = str(self.failureResultOf(saved, SaveFailed).value)
        self.assertIn("no space left on the device", text)
        self.assertEqual(typed(dict(state)), typed(before))
        self.break_storage(None)
        self.turn()
        self.assertEqual(typed(dict(state)), typed(self.stored()))
        self.assertEqual(typed(dict(state)), typed(expected))

    def test_undone(self):
        """Each kind of change is undone, and later ones are saved again."""
        items = {"a": 1, "list": [1], 1: "one", (2, 3): None}
        expected = deepcopy(items)
        state = self.load()
        state.update(items)
        self.turn()

        def swap(state):
            del state[1]
            state[True] = "true"

        def within(state):
            state["list"].append(2)
            state["list"] = state["list"]

        for change in (
            lambda state: state.__setitem__("a", 2),
            lambda state: state.__setitem__("b", 2),
            lambda state: state.__delitem__("a"),
            lambda state: state.__delitem__((2, 3)),
            lambda state: state.__setitem__(True, "true"),
            lambda state: state.clear(),
            swap,
            within,
        ):
            self.lose(change, expected)
        state["a"] = 5
        self.turn()
        self.assertEqual(self.stored()["a"], 5)

    def test_later_changes(self):
        """What was changed since goes too: it rests on what wasn't saved."""
        alice, bob = self.load("alice"), self.load("bob")
        alice["gold"] = 10
        self.turn()
        self.storage.hold()
        alice["gold"] = 0
        first = alice.saved()
        self.turn()
        alice["gold"] = 5
        alice["more"] = 5
        bob["gold"] = 10
        second, third = alice.saved(), bob.saved()
        self.break_storage()
        self.storage.release()
        for saved in (first, second, third):
            self.failureResultOf(saved, SaveFailed)
        self.assertEqual((dict(alice), dict(bob)), ({"gold": 10}, {}))
        self.assertEqual(self.stored(), {"gold": 10})
        self.break_storage(None)
        self.turn()
        self.assertEqual(self.storage.writes, 2)

    def test_waiters_see_what_is_saved(self):
        """When a wait fails, everything has been undone."""
        alice, bob = self.load("alice"), self.load("bob")
        seen = []
        self.break_storage()
        alice["a"] = bob["b"] = 1
        alice.saved().addErrback(lambda _: seen.append((dict(alice), dict(bob))))
        self.turn()
        self.assertEqual(seen, [({}, {})])

    def test_change_while_failing(self):
        """A change that is made because another failed isn't undone with that."""
        state = self.load()
        self.break_storage()
        state["a"] = 1

        def change(_):
            self.break_storage(None)
            state["b"] = 2

        state.saved().addErrback(change)
        self.turn()
        self.turn()
        self.assertEqual((dict(state), self.stored()), ({"b": 2}, {"b": 2}))

    def test_log(self):
        """One line, which says why, and of whom."""
        self.break_storage()
        for number in range(8):
            self.load_broken(f"user{number}")["a"] = 1
        self.turn()
        (event,) = self.logged
        self.assertIn("no space left on the device", event["why"])
        self.assertEqual(event["names"], "'user0', 'user1', 'user2', 'user3', 'user4' and 3 more")

    def load_broken(self, name):
        why, self.storage.broken = self.storage.broken, None
        state = self.load(name)
        self.storage.broken = why
        return state

    def test_storage_with_a_bug(self):
        """Whatever a storage raises, the changes are undone, and those who wait hear of it."""
        state = self.load()
        self.patch(self.storage, "write", lambda erased, rows: 1 / 0)
        state["a"] = 1
        saved = state.saved()
        self.turn()
        self.failureResultOf(saved, SaveFailed)
        self.assertEqual(dict(state), {})
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed(self):
        """After the store has closed, nothing changes any more."""
        state = self.load()
        self.successResultOf(self.store.close())
        with self.assertRaisesRegex(StoreClosed, "the store is closed"):
            state["a"] = 1
        self.assertEqual(dict(state), {})


class CopyTests(SharedDictTestCase):
    """
    The copies that clients have.
    """

    def serve_stored(self):
        self.storage = MemoryStorage()
        # The server makes the clock.
        self.serve(lambda name: self.store.load(name))
        self.store: Store = Store(self.storage, clock=self.server.clock)

    def test_changes(self):
        self.serve_stored()
        copies = [self.join(), self.join()]
        self.state.update(a=1, b=[2])
        del self.state["a"]
        self.server.advance(0)
        self.assertEqual([dict(copy) for copy in copies], [{"b": [2]}] * 2)

    def test_restart(self):
        """The state outlives the realm."""
        self.serve_stored()
        self.join()
        self.clients[0].call(self.references[0], "set", "a", ("typed", b"x"))
        self.server.advance(0)
        storage = self.storage
        self.serve_stored()
        self.store = Store(storage, clock=self.server.clock)
        self.assertEqual(dict(self.join()), {"a": ("typed", b"x")})
