"""
Three ways to keep 200 states on a disk.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import count, islice

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from pbrealm.store import SQLiteStore, StoredDict

NAMES = [f"user{number:03}" for number in range(200)]
"""Whose states there are."""


def value(number: int) -> dict[str, object]:
    """What is set: about 60 bytes."""
    return {"gold": number, "items": ["sword", "shield"], "place": (1.5, 2.5)}


def place(number: int, states: int, keys: int) -> tuple[int, int]:
    """Which item of which state is changed: all of them in turn, and none beside the last one."""
    item = number * 7_919 % (states * keys)
    return item // keys, item % keys


class Pbrealm:
    """A L{SQLiteStore}; each of those in flight sets an item and waits until it is saved."""

    name = "pbrealm"

    def __init__(self, directory: str, keys: int = 10, states: int = len(NAMES)) -> None:
        self.keys = keys
        self._names = [f"user{number:05}" for number in range(states)]
        self.commits = 0
        self._store = SQLiteStore(os.path.join(directory, f"pbrealm{keys}-{states}.db"))
        self._states: list[StoredDict] = []
        self._numbers = count()

    async def open(self) -> None:
        """Make the states."""
        for name in self._names:
            state = await self._store.load(name)
            state.update({f"key{number}": value(number) for number in range(self.keys)})
            self._states.append(state)
        await self._store.saved()
        storage = self._store._storage
        write = storage.write

        def counted(*args: object) -> Deferred[None]:
            self.commits += 1
            return write(*args)  # type: ignore[arg-type]

        storage.write = counted  # type: ignore[method-assign]

    async def change(self, changes: int, in_flight: int, group: float) -> float:
        """
        Make changes.

        @param in_flight: how many at a time.
        @param group: ignored here.
        @return: the seconds that it took.
        """
        left = islice(self._numbers, changes)
        states, keys = self._states, self.keys

        async def go_on() -> None:
            for number in left:
                at, key = place(number, len(states), keys)
                state = states[at]
                state[f"key{key}"] = value(number)
                await state.saved()

        began = time.perf_counter()
        await gatherResults([Deferred.fromCoroutine(go_on()) for _ in range(in_flight)])
        return time.perf_counter() - began

    async def close(self) -> None:
        await self._store.close()


class Groups:
    """
    Sides that commit groups of a given size, one after another, and wait for each.
    """

    def __init__(self) -> None:
        self._numbers = count()

    def _groups(self, changes: int, group: float) -> Iterator[list[int]]:
        left = islice(self._numbers, changes)
        while numbers := list(islice(left, max(1, round(group)))):
            yield numbers

    async def open(self) -> None:
        """Nothing is left to be done."""

    async def change(self, changes: int, in_flight: int, group: float) -> float:
        """Make changes, as L{Pbrealm.change} does."""
        began = time.perf_counter()
        for numbers in self._groups(changes, group):
            await self.wait_for_commit(numbers)
        return time.perf_counter() - began

    async def wait_for_commit(self, numbers: list[int]) -> None:
        """Save one group while the reactor waits."""
        self.commit(numbers)

    def commit(self, numbers: list[int]) -> None:
        """Save one group."""
        raise NotImplementedError


class Raw(Groups):
    """C{sqlite3} by hand, with bytes that were there before, in the reactor's thread."""

    name = "sqlite3"

    def __init__(self, directory: str) -> None:
        super().__init__()
        path = os.path.join(directory, f"{self.name}.db")
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE items (name TEXT, key TEXT, value BLOB, PRIMARY KEY (name, key))"
            " WITHOUT ROWID"
        )
        # SQLite writes nothing where a value stays the same.
        self._values = [b"%0130d" % number for number in range(10_007)]

    def commit(self, numbers: list[int]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(
            "INSERT INTO items VALUES (?, ?, ?)"
            " ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
            [self._row(number) for number in numbers],
        )
        self._connection.execute("COMMIT")

    def _row(self, number: int) -> tuple[str, str, bytes]:
        state, key = place(number, len(NAMES), 10)
        return NAMES[state], f"key{key}", self._values[number % 10_007]

    async def close(self) -> None:
        self._connection.close()


class RawInThread(Raw):
    """The same in a thread, so that the reactor doesn't wait."""

    name = "thread"

    async def wait_for_commit(self, numbers: list[int]) -> None:
        await deferToThread(self.commit, numbers)


class Zodb(Groups):
    """ZODB with a FileStorage, in the reactor's thread."""

    name = "ZODB"

    def __init__(self, directory: str) -> None:
        import transaction
        import ZODB
        from BTrees.OOBTree import OOBTree

        super().__init__()
        self._database = ZODB.DB(os.path.join(directory, "data.fs"))
        self._connection = self._database.open()
        self._commit = transaction.commit
        self._states = self._connection.root.states = OOBTree()
        for name in NAMES:
            self._states[name] = OOBTree({f"key{key}": value(key) for key in range(10)})
        self._commit()

    def commit(self, numbers: list[int]) -> None:
        for number in numbers:
            state, key = place(number, len(NAMES), 10)
            self._states[NAMES[state]][f"key{key}"] = value(number)
        self._commit()

    async def close(self) -> None:
        self._connection.close()
        self._database.close()
