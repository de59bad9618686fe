"""
What every store must do, as tests that the author of one can run.
"""

from __future__ import annotations

import datetime
import decimal
import gc
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from zope.interface.verify import verifyObject

from pbrealm._delivery.shared_dict import SharedDict
from pbrealm.errors import SaveFailed, StoreClosed
from pbrealm.store import IStore, StoredDict

_shared: Final = [1]

VALUES: Final[list[Any]] = [
    None,
    True,
    0,
    -1,
    2**448 - 1,
    1.5,
    float("inf"),
    "",
    "text",
    "\x00 \u20ac \U0001f600",
    b"",
    b"\x00\xff",
    (),
    (1, (2, "three")),
    [],
    [1, [2.0, b"three"]],
    {},
    {1: {"two": [3]}, (4, 5): None, b"6": frozenset([7])},
    {1, "two", (3,)},
    frozenset([1, 2]),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
    datetime.date(2026, 1, 2),
    datetime.time(3, 4, 5, 6),
    datetime.timedelta(-1, 2, 3),
    decimal.Decimal("-12.50"),
    [_shared, _shared],
    "x" * 600_000,
    [b"x" * 600_000] * 3,
]
"""Plain data of every kind."""

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as _Base
else:
    _Base = object


class StoreSuite(_Base):
    """
    Tests of L{IStore<pbrealm.store.IStore>}, to be mixed into a C{TestCase} of trial::

        class FileStoreTests(StoreSuite, TestCase):
            def make_store(self):
                return SQLiteStore(self.path)
    """

    def make_store(self) -> Any:
        """
        Make a store.  For each test, the first one is empty; each later one is made after the
        last has closed, and has what that one saved.
        """
        raise NotImplementedError

    def break_store(self, store: Any) -> None:
        """Have everything that the store tries to save fail from now on."""
        raise NotImplementedError

    def mend_store(self, store: Any) -> None:
        """Have it succeed again."""
        raise NotImplementedError

    _store: Any = None

    def start(self) -> Any:
        """Make a store, which is closed at the end of the test."""
        self._store = store = self.make_store()
        self.addCleanup(store.close)
        return store

    async def restart(self) -> Any:
        """Close the store, and make another one."""
        await self._store.close()
        return self.start()

    async def fails(self, awaited: Deferred[Any], kind: type[Exception]) -> str:
        """Check that something fails; returns what the error says."""
        try:
            found = await awaited
        except kind as error:
            return str(error)
        raise AssertionError(f"{found!r} instead of {kind}")

    async def test_interface(self) -> None:
        verifyObject(IStore, self.start())

    async def test_new(self) -> None:
        """A name that is new has an empty state, which is a shared dictionary."""
        store = self.start()
        await store.open()
        alice = await store.load("alice")
        self.assertIsInstance(alice, StoredDict)
        self.assertIsInstance(alice, SharedDict)
        self.assertEqual((alice.name, dict(alice)), ("alice", {}))
        self.assertEqual(await store.names(), [])

    async def test_saved(self) -> None:
        """What is saved is there after a restart."""
        alice = await self.start().load("alice")
        alice.update(a=1, b=2)
        await alice.saved()
        alice["a"] = 3
        del alice["b"]
        await alice.saved()
        store = await self.restart()
        again = await store.load("alice")
        self.assertIsNot(again, alice)
        self.assertEqual(dict(again), {"a": 3})

    async def test_values(self) -> None:
        """Values keep their types, and so do keys."""
        alice = await self.start().load("alice")
        alice.update(enumerate(VALUES))
        for value in VALUES:
            try:
                hash(value)
            except TypeError:
                continue
            alice[value, "key"] = value
        expected = dict(alice)
        await alice.saved()
        again = await (await self.restart()).load("alice")
        self.assertEqual(dict(again), expected)
        for key, value in expected.items():
            self.assertIs(type(again[key]), type(value))
        shared = again[VALUES.index([_shared, _shared])]
        self.assertIs(shared[0], shared[1])

    async def test_equal_keys(self) -> None:
        """Equal keys are one item, whatever their types."""
        alice = await self.start().load("alice")
        alice[1] = "a"
        await alice.saved()
        alice[True] = "b"
        alice[1.0] = "c"
        again = await (await self.restart()).load("alice")
        self.assertEqual([(type(key), value) for key, value in again.items()], [(int, "c")])

    async def test_not_storable(self) -> None:
        """What can't be stored is refused, and changes nothing."""
        alice = await self.start().load("alice")
        with self.assertRaisesRegex(TypeError, "'gold'"):
            alice.update(a=1, gold=object())
        with self.assertRaisesRegex(TypeError, "nan"):
            alice[float("nan")] = 1
        self.assertEqual(dict(alice), {})
        await alice.saved()
        again = await (await self.restart()).load("alice")
        self.assertEqual(dict(again), {})

    async def test_one_object(self) -> None:
        """Everybody gets the same object, also who asks while it is loaded."""
        store = self.start()
        first, second = await gatherResults([store.load("alice"), store.load("alice")])
        self.assertIs(first, second)
        self.assertIs(await store.load("alice"), first)
        cancelled = store.load("bob")
        other = store.load("bob")
        cancelled.cancel()
        if not cancelled.called:
            await self.fails(cancelled, CancelledError)
        cancelled.addErrback(lambda _: None)
        self.assertEqual(dict(await other), {})

    async def test_let_go(self) -> None:
        """A state with changes that aren't saved stays, and then its changes are found."""
        store = self.start()
        (await store.load("alice"))["a"] = 1
        gc.collect()
        self.assertEqual(dict(await store.load("alice")), {"a": 1})
        await store.saved()
        gc.collect()
        self.assertEqual(dict(await store.load("alice")), {"a": 1})

    async def test_many(self) -> None:
        """Changes of many states, without waiting for one another."""
        store = self.start()
        states = await gatherResults([store.load(f"user{number}") for number in range(100)])
        waiting = []
        for turn in range(20):
            for number, state in enumerate(states):
                state["turn"] = turn
                state[number] = turn
                waiting.append(state.saved())
        await gatherResults(waiting)
        store = await self.restart()
        for number in range(100):
            again = await store.load(f"user{number}")
            self.assertEqual(dict(again), {"turn": 19, number: 19})

    async def test_large(self) -> None:
        """A state with many keys."""
        alice = await self.start().load("alice")
        alice.update({number: str(number) for number in range(10_000)})
        await alice.saved()
        alice[77] = "new"
        del alice[78]
        again = await (await self.restart()).load("alice")
        self.assertEqual((len(again), again[77], 78 in again), (9_999, "new", False))
        again.clear()
        again["a"] = 1
        again = await (await self.restart()).load("alice")
        self.assertEqual(dict(again), {"a": 1})

    async def test_names(self) -> None:
        store = self.start()
        names = ["", "a\x00b", "alice", "\u20ac", "\U0001f600"]
        for name in names:
            (await store.load(name))["a"] = 1
        await store.saved()
        self.assertEqual(sorted(await store.names()), names)
        del (await store.load("alice"))["a"]
        store = await self.restart()
        self.assertEqual(sorted(await store.names()), [n for n in names if n != "alice"])
        for name in names:
            self.assertEqual(len(await store.load(name)), name != "alice")

    async def test_bad_names(self) -> None:
        store = self.start()
        for name, error in ((None, TypeError), (b"alice", TypeError), ("\ud800", ValueError)):
            self.assertRaises(error, store.load, name)
            self.assertRaises(error, store.delete, name)

    async def test_delete(self) -> None:
        """A name is deleted, whether it is loaded or not; a loaded state is emptied."""
        store = self.start()
        alice = await store.load("alice")
        alice["a"] = 1
        (await store.load("bob"))["a"] = 1
        await store.saved()
        gc.collect()
        await gatherResults([store.delete("alice"), store.delete("bob"), store.delete("new")])
        self.assertEqual((dict(alice), await store.names()), ({}, []))
        self.assertEqual(dict(await store.load("bob")), {})
        alice["b"] = 2
        again = await (await self.restart()).load("alice")
        self.assertEqual(dict(again), {"b": 2})

    async def test_load_after_delete(self) -> None:
        """Who loads a name that is being deleted gets an empty state."""
        store = self.start()
        (await store.load("alice"))["a"] = 1
        await store.saved()
        gc.collect()
        deleted, loaded = store.delete("alice"), store.load("alice")
        self.assertEqual(dict(await loaded), {})
        await deleted

    async def test_undone(self) -> None:
        """Changes that can't be saved are undone, with those made since; later ones aren't."""
        store = self.start()
        alice, bob = await gatherResults([store.load("alice"), store.load("bob")])
        alice.update({"a": 1, "list": [1], 1: "one"})
        await store.saved()
        self.break_store(store)
        alice["a"] = 2
        alice["list"].append(2)
        alice["list"] = alice["list"]
        del alice[1]
        alice[True] = "true"
        first = alice.saved()
        bob["b"] = 1
        second = bob.saved()
        await self.fails(first, SaveFailed)
        await self.fails(second, SaveFailed)
        expected = {"a": 1, "list": [1], 1: "one"}
        self.assertEqual((dict(alice), dict(bob)), (expected, {}))
        await self.fails(store.delete("alice"), SaveFailed)
        self.assertEqual(dict(alice), expected)
        self.mend_store(store)
        bob["b"] = 3
        await store.saved()
        store = await self.restart()
        alice, bob = await gatherResults([store.load("alice"), store.load("bob")])
        self.assertEqual((dict(alice), dict(bob)), (expected, {"b": 3}))
        self.assertIs(type(next(key for key in alice if key == 1)), int)

    async def test_close(self) -> None:
        """It saves what was changed; after it, nothing can be changed or loaded."""
        store = self.start()
        alice = await store.load("alice")
        alice["a"] = 1
        await gatherResults([store.close(), store.close()])
        with self.assertRaises(StoreClosed):
            alice["a"] = 2
        self.assertEqual(dict(alice), {"a": 1})
        for refused in (store.load("bob"), store.names(), store.delete("bob"), store.open()):
            await self.fails(refused, StoreClosed)
        await store.close()
        await alice.saved()
        self.assertEqual(dict(await self.start().load("alice")), {"a": 1})

    async def test_close_at_once(self) -> None:
        """A store that was never used can be closed."""
        await self.start().close()
