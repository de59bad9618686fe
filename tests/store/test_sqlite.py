"""
The store in a file, its thread, and the reactor.
"""

import os
import threading
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pbrealm.errors import StoreDamaged, StoreLocked, StoreUnusable
from pbrealm.store import SQLiteStore, _sqlite
from pbrealm.store._file import StoreFile
from tests.logs import observe_log
from tests.store.cases import make_directory, run_sql, threads


class SQLiteTestCase(TestCase):
    def setUp(self):
        self.path = os.path.join(make_directory(self), "players.db")
        self.logged: list[dict[str, Any]] = []
        observe_log(self, self.logged.append)

    def start(self, **options):
        store = SQLiteStore(self.path, **options)
        self.addCleanup(store.close)
        return store

    async def fill(self):
        store = self.start()
        for name in ("alice", "bob"):
            (await store.load(name))["a"] = 1
        await store.close()


class OpenTests(SQLiteTestCase):
    def test_arguments(self):
        self.assertRaises(TypeError, SQLiteStore, 5)
        self.assertRaises(TypeError, SQLiteStore, self.path, state_class="x")

    async def test_path(self):
        """Making the store does nothing yet; a path may be one of C{pathlib}."""
        path = Path(self.path)
        store = SQLiteStore(path)
        self.addCleanup(store.close)
        self.assertEqual((path.exists(), threads()), (False, []))
        await store.open()
        self.assertTrue(path.exists())

    async def test_thread(self):
        """There's one thread, from the first call until the end of close."""
        store = self.start()
        await store.load("alice")
        await store.load("bob")
        self.assertEqual(threads(), ["pbrealm.store"])
        await store.close()
        self.assertEqual(threads(), [])
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["players.db"])

    async def test_blocking(self):
        """Before the reactor runs, opening is waited for; the store works as ever afterwards."""
        store = self.start()
        store.open_blocking()
        self.assertTrue(os.path.exists(self.path))
        self.assertRaises(StoreLocked, StoreFile, self.path)
        state = await store.load("alice")
        state["a"] = 1
        await state.saved()
        second = self.start()
        error = self.assertRaises(StoreLocked, second.open_blocking)
        self.assertIn(self.path, str(error))
        await store.close()
        second.open_blocking()
        self.assertEqual(dict(await second.load("alice")), {"a": 1})

    async def test_before_the_reactor_runs(self):
        """Calls wait until it does, so no thread is there in a process that is yet to fork."""
        store = self.start()
        opened, loaded = store.open(), store.load("alice")
        self.assertEqual((threads(), os.path.exists(self.path)), ([], False))
        await opened
        self.assertEqual(dict(await loaded), {})
        self.assertEqual(threads(), ["pbrealm.store"])

    async def test_forked_after_open_blocking(self):
        """An open file stays with the process that has opened it."""
        store = self.start()
        store.open_blocking()
        (await store.load("alice"))["a"] = 1
        await store.saved()
        inherited: Any = store._file._file
        self.addCleanup(inherited.close)
        self.patch(_sqlite, "getpid", lambda: -1)
        with self.assertRaisesRegex(StoreUnusable, "opened before this process was forked"):
            await store.load("bob")
        with self.assertRaisesRegex(StoreUnusable, "opened before this process was forked"):
            await store.names()
        await store.close()
        self.assertRaises(StoreLocked, StoreFile, self.path)

    async def fails_to_open(self, kind, expected):
        """At the start the error says it all; later the log does."""
        store = self.start()
        with self.assertRaisesRegex(kind, f"{self.path}.*{expected}"):
            await store.open()
        with self.assertRaisesRegex(StoreUnusable, "^the store can't be used at present"):
            await store.load("alice")
        self.assertIn(expected, self.logged[-1]["why"])
        return store

    async def test_locked(self):
        """A second server on the file is told so, and can go on when the first has gone."""
        first = self.start()
        alice = await first.load("alice")
        second = await self.fails_to_open(StoreLocked, "in use by another process")
        alice["a"] = 1
        await first.close()
        self.assertEqual(dict(await second.load("alice")), {"a": 1})

    async def test_not_a_store(self):
        Path(self.path).write_text("alice:secret\n" * 1000)
        await self.fails_to_open(StoreUnusable, "is not a database")

    async def test_no_directory(self):
        self.path = os.path.join(self.path, "players.db")
        await self.fails_to_open(StoreUnusable, "is in a directory that isn't there")

    async def test_damaged_state(self):
        """Others can be loaded, and what is damaged can be deleted."""
        await self.fill()
        run_sql(self.path, "UPDATE items SET value = x'77' WHERE name = 'alice'")
        store = self.start()
        with self.assertRaisesRegex(StoreDamaged, "the state of 'alice' is damaged"):
            await store.load("alice")
        self.assertEqual(dict(await store.load("bob")), {"a": 1})
        await store.delete("alice")
        self.assertEqual(dict(await store.load("alice")), {})

    async def test_damaged_file(self):
        """Pages that are overwritten are an error, and never an empty state."""
        store = self.start()
        for number in range(500):
            (await store.load(f"user{number:03}"))["a"] = "x" * 100
        await store.close()
        with open(self.path, "r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xee" * 4096)
        store = self.start()
        found, damaged = 0, 0
        for number in range(500):
            try:
                found += len(await store.load(f"user{number:03}"))
            except StoreDamaged:
                damaged += 1
        self.assertEqual(found + damaged, 500)
        self.assertGreater(min(found, damaged), 0)


class ShutdownTests(SQLiteTestCase):
    """
    What happens if nobody closes the store.
    """

    def fire(self):
        """What the reactor does as it stops, after the services have stopped."""
        for function, args, kw in self.triggers:
            function(*args, **kw)

    def setUp(self):
        super().setUp()
        self.triggers: list[Any] = []

        def add(phase, event, function, *args, **kw):
            self.assertEqual((phase, event), ("during", "shutdown"))
            self.triggers.append((function, args, kw))
            return len(self.triggers)

        def remove(number):
            del self.triggers[number - 1]

        self.patch(reactor, "addSystemEventTrigger", add)
        self.patch(reactor, "removeSystemEventTrigger", remove)

    async def test_saves(self):
        """All changes are saved, also those that are made because others are."""
        store = self.start()
        state = await store.load("alice")
        await state.saved()
        state["a"] = 1
        first = state.saved().addCallback(lambda _: self.successResultOf(state.saved()))
        self.fire()
        self.successResultOf(first)
        self.assertEqual(threads(), [])
        file = StoreFile(self.path)
        self.addCleanup(file.close)
        self.assertEqual(len(file.read("alice")), 1)

    async def test_in_the_middle(self):
        """Also if a commit is being written, and another collects changes."""
        store = self.start()
        state = await store.load("alice")
        state["a"] = 1
        await deferLater(reactor, 0)
        state["b"] = 1
        saved = store.saved()
        self.fire()
        await saved
        file = StoreFile(self.path)
        self.addCleanup(file.close)
        self.assertEqual(len(file.read("alice")), 2)

    async def test_closed_in_order(self):
        store = self.start()
        await store.load("alice")
        await store.close()
        self.assertEqual(self.triggers, [])


class ReactorTests(SQLiteTestCase):
    async def test_never_waits(self):
        """While the disk takes its time, at opening too, the reactor goes on."""
        blocked, go_on = threading.Event(), threading.Event()
        real = StoreFile.__init__

        def slow(file, path):
            blocked.set()
            go_on.wait(60)
            real(file, path)

        self.patch(StoreFile, "__init__", slow)
        loaded = self.start().load("alice")
        for _ in range(1000):
            if blocked.is_set():
                break
            await deferLater(reactor, 0.01)
        self.assertTrue(blocked.is_set())
        self.assertNoResult(loaded)
        go_on.set()
        await loaded
