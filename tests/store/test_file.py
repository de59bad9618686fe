"""
The file of a store.
"""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pbrealm.errors import StoreDamaged, StoreError, StoreLocked, StoreUnusable
from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile
from pbrealm.store._migrations import MIGRATIONS
from tests.store.cases import make_directory, run_sql

A, B, C = (encode_key(name) for name in "abc")
ONE, TWO, THREE = (encode_value("", number) for number in (1, 2, [3]))


class FileTestCase(SynchronousTestCase):
    def setUp(self):
        self.path = os.path.join(make_directory(self), "players.db")

    def open(self, *migrations):
        file = StoreFile(self.path, [*MIGRATIONS, *migrations])
        self.addCleanup(file.close)
        return file

    def fill(self):
        file = self.open()
        file.write([], {"alice": {A: ONE, B: TWO}, "bob": {A: THREE}})
        file.close()

    def refused(self, kind=StoreUnusable):
        error = self.assertRaises(kind, StoreFile, self.path)
        self.assertIn(self.path, str(error))
        self.assertNotIn("\n", str(error))
        return str(error)


class RowTests(FileTestCase):
    def test_rows(self):
        """Each change is there, also when the file is opened again."""
        self.fill()
        file = self.open()
        self.assertEqual(dict(file.read("alice")), {A: ONE, B: TWO})
        file.write([], {"alice": {A: THREE, B: None, C: b""}})
        file.close()
        file = self.open()
        self.assertEqual(dict(file.read("alice")), {A: THREE, C: b""})
        self.assertEqual(dict(file.read("bob")), {A: THREE})
        self.assertEqual(file.read("carol"), [])

    def test_erase(self):
        """A name is erased before it is written to."""
        self.fill()
        file = self.open()
        file.write(["alice", "bob"], {"bob": {C: TWO}})
        self.assertEqual((file.read("alice"), file.read("bob")), ([], [(C, TWO)]))

    def test_names(self):
        file = self.open()
        self.assertEqual(file.names(), [])
        names = ["", "a", "a\x00b", "b", "é", "\U0001f600"]
        file.write([], {name: {A: ONE, B: TWO} for name in names})
        self.assertEqual(file.names(), sorted(names))
        file.write([], {"a": {A: None, B: None}})
        self.assertNotIn("a", file.names())

    def test_one_row_for_a_change(self):
        """However many keys there are."""
        file = self.open()
        file.write([], {"alice": {b"%d" % number: b"v" for number in range(10_000)}})
        before = file.connection.total_changes
        file.write([], {"alice": {b"77": b"w"}})
        self.assertEqual(file.connection.total_changes - before, 1)


class OpeningTests(FileTestCase):
    def test_durable(self):
        """Each commit waits for the disk."""
        file = self.open()
        pragmas = {"journal_mode": "wal", "synchronous": 2, "locking_mode": "exclusive"}
        for name, value in pragmas.items():
            self.assertEqual(file.connection.execute(f"PRAGMA {name}").fetchone(), (value,))

    def test_locked(self):
        """A file has one owner."""
        file = self.open()
        self.assertIn("in use by another process", self.refused(StoreLocked))
        file.close()
        self.open()

    def test_another_program(self):
        """A database of another program isn't touched."""
        run_sql(self.path, "CREATE TABLE t (x)")
        before = Path(self.path).read_bytes()
        self.assertIn("another program", self.refused())
        run_sql(self.path, "PRAGMA application_id = 77")
        self.assertIn("another program", self.refused())
        run_sql(self.path, "PRAGMA application_id = 0")
        self.assertEqual(len(before), len(Path(self.path).read_bytes()))

    def test_newer(self):
        self.fill()
        run_sql(self.path, "PRAGMA user_version = 99")
        self.assertIn("newer", self.refused())

    def test_not_a_database(self):
        Path(self.path).write_text("alice:secret\n" * 1000)
        self.assertIn("is not a database", self.refused())

    def test_no_file(self):
        os.mkdir(self.path)
        self.assertIn("is a directory", self.refused())
        os.rmdir(self.path)
        self.path += "/players.db"
        self.assertIn("is in a directory that isn't there", self.refused())

    def test_no_room(self):
        """A file system on which nothing can be written."""
        self.path = "/dev/full"
        self.refused()

    def test_empty_file(self):
        """An empty file is a new store's."""
        Path(self.path).touch()
        self.assertEqual(self.open().names(), [])


class MigrationTests(FileTestCase):
    def test_migration(self):
        """A file of an older version is brought to the newest, with what is in it."""
        self.fill()
        file = self.open(
            lambda connection: connection.execute("CREATE TABLE more (x)"),
            lambda connection: connection.execute("INSERT INTO more VALUES (1)"),
        )
        self.assertEqual(dict(file.read("alice")), {A: ONE, B: TWO})
        self.assertEqual(file.connection.execute("SELECT * FROM more").fetchall(), [(1,)])
        file.close()
        # This one knows nothing of the new version.
        self.assertIn("newer", self.refused())

    def test_migration_fails(self):
        """The file stays as it was, however far the migration came."""
        self.fill()

        def fail(connection):
            connection.execute("DROP TABLE items")
            connection.execute("DROP TABLE nonsense")

        error = self.assertRaises(StoreUnusable, self.open, lambda c: None, fail)
        self.assertIn("no such table: nonsense", str(error))
        self.assertEqual(self.open().names(), ["alice", "bob"])


class DamageTests(FileTestCase):
    def test_changed_row(self):
        """Whatever of a row isn't as it was written, the row is refused, and others aren't."""
        for change in (
            "value = x'99'",
            "value = 'text'",
            "value = 7",
            "key = x'98'",
            "key = 'text'",
            "checksum = 1",
            "checksum = 'text'",
            "name = 'carol'",
        ):
            self.fill()
            run_sql(
                self.path, f"UPDATE items SET {change} WHERE name = 'alice' AND value = x'0281'"
            )
            file = self.open()
            name = "carol" if change.startswith("name") else "alice"
            error = self.assertRaises(StoreDamaged, file.read, name)
            self.assertIn(f"the state of '{name}' is damaged", str(error))
            self.assertEqual(file.read("bob"), [(A, THREE)])
            file.close()
            os.remove(self.path)

    def test_check(self):
        self.fill()
        file = self.open()
        self.assertEqual(list(file.check()), [])
        file.write([], {"carol": {b"nonsense": b"nonsense"}})
        (text,) = file.check()
        self.assertIn("the state of 'carol' is damaged", text)

    def test_every_byte(self):
        """
        Whichever byte of the file is flipped: what is read is what was written, or there's an
        error, or the check of the file finds it.
        """
        self.fill()
        good = Path(self.path).read_bytes()
        expected = [("alice", {A: ONE, B: TWO}), ("bob", {A: THREE})]
        outcomes = set()
        # Where there is something; an empty page is mostly zeros.
        places = [place for place in range(len(good)) if good[place] or not place % 97]
        for place in places:
            damaged = bytearray(good)
            damaged[place] ^= 0xFF
            Path(self.path).write_bytes(damaged)
            try:
                file = StoreFile(self.path)
            except StoreUnusable:
                outcomes.add("refused")
                continue
            try:
                found = [(name, dict(file.read(name))) for name, _ in expected]
                outcomes.add("intact" if found == expected else "noticed by the check")
                if found != expected:
                    self.assertTrue(list(file.check()), place)
            except StoreError:
                outcomes.add("noticed")
            finally:
                file.close()
        self.assertLessEqual({"refused", "noticed", "intact"}, outcomes)
