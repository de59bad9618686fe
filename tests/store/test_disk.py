"""
Disks that fail, and power that goes.
"""

from __future__ import annotations

import os
import random
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from pbrealm.errors import SaveFailed, StoreError, StoreUnusable
from pbrealm.store import SQLiteStore, decode_rows
from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile
from pbrealm.testing import StoreSuite
from tests.examples import examples
from tests.store.cases import make_directory
from tests.store.disk import FAULTS, Disk, after_power_loss, healthy

NUMBER = encode_key("number")


def mount(test: SynchronousTestCase) -> Disk:
    """Mount a disk until the test ends."""
    disk = Disk()
    mounted = disk.mounted()
    try:
        mounted.__enter__()
    except AttributeError as error:
        raise SkipTest(f"this Python hides its SQLite: {error}") from None
    test.addCleanup(mounted.__exit__, None, None, None)
    return disk


class DiskTestCase(SynchronousTestCase):
    def setUp(self):
        self.disk = mount(self)
        self.directory = make_directory(self)
        self.path = os.path.join(self.directory, "players.db")
        self.chance = random.Random(self.id())

    def open(self, path=None):
        """Open a file whose log is moved into the database after a few commits."""
        file = StoreFile(path or self.path)
        file.connection.execute("PRAGMA wal_autocheckpoint = 20")
        return file

    def write(self, file, number):
        """Set a number in two names, and more or less else beside it."""
        rows: dict[str, dict[bytes, bytes | None]] = {
            name: {NUMBER: encode_value("", number)} for name in ("alice", "bob")
        }
        for key in range(self.chance.randrange(8)):
            size = self.chance.choice([1, 100, 10_000])
            rows["alice"][encode_key(key)] = encode_value("", b"x" * size)
        file.write([], rows)

    def number(self, file):
        """The number that is in both."""
        alice, bob = (decode_rows(name, file.read(name)).items for name in ("alice", "bob"))
        self.assertEqual(alice.get("number"), bob.get("number"))
        return bob.get("number", 0)

    def number_in(self, files):
        """The number in files that were left behind."""
        directory = make_directory(self)
        for path, content in files.items():
            Path(directory, os.path.basename(path)).write_bytes(content)
        file = StoreFile(os.path.join(directory, "players.db"))
        try:
            self.assertEqual(list(file.check()), [])
            return self.number(file)
        finally:
            file.close()
            shutil.rmtree(directory)

    def files(self):
        """What the files have at this moment, as a killed process leaves them."""
        return {str(path): path.read_bytes() for path in Path(self.directory).iterdir()}


class PowerLossTests(DiskTestCase):
    def test_power_loss(self):
        """
        Whenever the power goes, and whatever of what wasn't synced is on the disk: no commit that
        has returned is missing, and none is half there.
        """
        self.disk.recording = True
        file = self.open()
        committed = [(len(self.disk.operations), 0)]
        for number in range(1, 60):
            self.write(file, number)
            committed.append((len(self.disk.operations), number))
        file.close()
        operations = self.disk.operations
        self.disk.recording = False
        self.assertGreater(len([each for each in operations if each[0] == "sync"]), 60)
        found = set()
        for _ in range(examples(600)):
            end = self.chance.randrange(committed[0][0], committed[-1][0] + 1)
            least = max(number for place, number in committed if place <= end)
            number = self.number_in(after_power_loss(operations[:end], self.chance))
            self.assertIn(number, (least, least + 1))
            found.add(number - least)
        if examples(600) > 20:
            self.assertEqual(found, {0, 1})

    def test_without_sync(self):
        """The test would notice if commits didn't wait for the disk."""
        self.disk.recording = True
        file = self.open()
        file.connection.execute("PRAGMA synchronous = OFF")
        for number in range(1, 30):
            self.write(file, number)
        file.close()
        missing = 0
        for _ in range(20):
            try:
                left = after_power_loss(self.disk.operations, self.chance)
                missing += self.number_in(left) != 29
            except (StoreError, AssertionError):
                missing += 1
        self.assertGreater(missing, 0)


class FaultTests(DiskTestCase):
    def test_faults(self):
        """
        Whatever operation fails, and how: a commit that returns is on the disk, one that fails
        isn't, and the next one that the disk takes is saved.
        """
        counts = {"saved": 0, "failed": 0}
        for _ in range(examples(60)):
            self.walk(counts)
            for name in os.listdir(self.directory):
                os.remove(os.path.join(self.directory, name))
        if examples(60) > 20:
            self.assertGreater(min(counts.values()), 50)

    def walk(self, counts):
        chance, disk = self.chance, self.disk
        kinds = chance.choice([*[(fault,) for fault in FAULTS], FAULTS])
        rate = chance.choice([0.02, 0.1, 0.3, 1])
        failing = False

        def fault(what, path):
            nonlocal failing
            if not failing or chance.random() >= rate:
                return None
            # One that follows may fail as well.
            return chance.choice(kinds)

        disk.fault = fault
        file = self.open()
        saved = 0
        lost: set[int] = set()
        try:
            for number in range(1, 20):
                failing = chance.random() < 0.5
                try:
                    self.write(file, number)
                    saved, lost = number, set()
                    counts["saved"] += 1
                except SaveFailed:
                    lost.add(number)
                    counts["failed"] += 1
                settled = not failing
                failing = False
                self.assertEqual(self.number(file), saved)
                # While the disk fails, nobody can tell what is on it.
                self.assertIn(self.number_in(self.files()), {saved, *(() if settled else lost)})
        finally:
            disk.fault = healthy
            file.close()

    def test_sync_fails_once(self):
        """What only failed to be synced isn't there after a crash: the next write is over it."""
        file = self.open()
        self.write(file, 1)
        failures = iter(["EIO"])

        def fault(what, path):
            return next(failures, None) if what == "sync" else None

        self.disk.fault = fault
        self.assertRaises(SaveFailed, self.write, file, 2)
        self.assertEqual(self.number_in(self.files()), 1)
        self.assertEqual(self.number(file), 1)
        self.write(file, 3)
        self.assertEqual(self.number_in(self.files()), 3)
        file.close()

    def always(self, kind, what, path):
        return kind

    def test_start(self):
        """A file on a disk that fails can't be opened, and can be when it doesn't."""
        for kind in FAULTS:
            self.disk.fault = partial(self.always, kind)
            error = self.assertRaises(StoreUnusable, self.open)
            self.assertRegex(
                str(error), "can't be used: (disk I/O error|database or disk is full)"
            )
        self.disk.fault = healthy
        self.open().close()


class FullDiskTests(StoreSuite, TestCase):
    """
    Everything that a store must do, on a disk that is full when it is to fail.
    """

    def setUp(self) -> None:
        self.disk = mount(self)
        self.path = os.path.join(make_directory(self), "players.db")

    def make_store(self) -> Any:
        return SQLiteStore(self.path)

    def break_store(self, store: Any) -> None:
        self.disk.fault = lambda what, path: "ENOSPC"

    def mend_store(self, store: Any) -> None:
        self.disk.fault = healthy
