"""
The command that looks into a file.
"""

import io
import os
import sys
from pathlib import Path

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.errors import SaveFailed
from pbrealm.store import decode_rows
from pbrealm.store.__main__ import main
from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile
from tests.examples import examples
from tests.store.cases import make_directory, run_sql
from tests.store.test_codec import typed
from tests.wire.plain import hashables, trees


class CommandTests(SynchronousTestCase):
    def setUp(self):
        self.directory = make_directory(self)
        self.path = os.path.join(self.directory, "players.db")
        self.fill(self.path)

    def fill(self, path, states=None):
        states = states or {"alice": {"gold": 5, 1: (b"x", {2})}, "bob": {"gold": None}}
        file = StoreFile(path)
        file.write(
            [],
            {
                name: {encode_key(key): encode_value(key, value) for key, value in items.items()}
                for name, items in states.items()
            },
        )
        file.close()

    def read(self, path):
        file = StoreFile(path)
        try:
            return {name: decode_rows(name, file.read(name)).items for name in file.names()}
        finally:
            file.close()

    def run_command(self, *arguments, stdin="", fails=False):
        """Run the command, and return what it prints."""
        out, err = io.StringIO(), io.StringIO()
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        given = io.TextIOWrapper(io.BytesIO(data))
        for name, stream in (("stdout", out), ("stderr", err), ("stdin", given)):
            self.patch(sys, name, stream)
        status = main(arguments)
        self.assertEqual((status, bool(err.getvalue())), (1, True) if fails else (0, False))
        if fails:
            self.assertRegex(err.getvalue(), r"^pbrealm\.store: .*\n$")
            self.assertNotIn("reason", err.getvalue())
            return err.getvalue()
        return out.getvalue()

    def test_names(self):
        self.fill(self.path, {"new\nline": {1: 2}})
        self.assertEqual(self.run_command("names", self.path), "alice\nbob\n'new\\nline'\n")

    def test_show(self):
        shown = self.run_command("show", self.path, "alice")
        self.assertEqual(shown, "'gold': 5\n1: (b'x', {2})\n")
        self.assertIn(
            "nothing of 'carol'", self.run_command("show", self.path, "carol", fails=True)
        )

    def test_export_and_import(self):
        """What is exported can be imported elsewhere, and over what is there."""
        exported = self.run_command("export", self.path)
        self.assertIn('{"name": "alice", "key": "gold", "value": 5}\n', exported)
        self.assertEqual(len(exported.splitlines()), 3)
        other = os.path.join(self.directory, "other.db")
        for _ in range(2):
            said = self.run_command("import", other, stdin=exported)
            self.assertEqual(said, "3 items of 2 names\n")
            self.assertEqual(typed(self.read(other)), typed(self.read(self.path)))
        self.assertEqual(len(self.run_command("export", self.path, "bob").splitlines()), 1)
        self.assertIn("'carol'", self.run_command("export", self.path, "bob", "carol", fails=True))

    @settings(max_examples=examples(30))
    @given(hashables, trees)
    def test_types(self, key, value):
        paths = [os.path.join(self.directory, name) for name in ("from.db", "to.db")]
        for path in paths:
            Path(path).unlink(missing_ok=True)
        try:
            self.fill(paths[0], {"alice": {key: value}})
        except TypeError:
            return
        self.run_command("import", paths[1], stdin=self.run_command("export", paths[0]))
        self.assertEqual(typed(self.read(paths[1])), typed(self.read(paths[0])))

    def test_import_equal_key(self):
        """A key that equals one that is there replaces its value."""
        line = '{"name": "alice", "key": true, "value": "new"}\n'
        self.run_command("import", self.path, stdin=line)
        self.assertEqual(typed(self.read(self.path)["alice"]), typed({"gold": 5, 1: "new"}))

    def test_import_nonsense(self):
        """The line is named, and what is wrong with it, and nothing is imported."""
        good = '{"name": "carol", "key": 1, "value": 2}'
        key = '{"name": "carol", "key": %s, "value": 2}'
        value = '{"name": "carol", "key": 1, "value": %s}'
        for line, why in (
            ("nonsense", "it isn't JSON (Expecting value at character 1)"),
            ('{"name": "carol"', "it isn't JSON (Expecting ',' delimiter at character 17)"),
            ("[" * 100_000, "it is nested too deeply"),
            (
                value % ("[" * 200 + "]" * 200),
                "the value of 1 can't be stored: it is nested more than 100 levels deep",
            ),
            ("[]", "it isn't an object with name, key and value"),
            ('{"name": "carol", "key": 1}', "it isn't an object with name, key and value"),
            ('{"name": 5, "key": 1, "value": 2}', "the name isn't a string"),
            (r'{"name": "\ud800", "key": 1, "value": 2}', "the name isn't valid Unicode"),
            (key % "[]", "[] can't be a key, since it can be changed"),
            (key % '{"$tuple": [[]]}', "([],) can't be a key, since it can be changed"),
            (key % '{"$float": "nan"}', "the key nan can't be stored: it doesn't equal itself"),
            (value % '{"$x": 2}', "no type is written as '$x'"),
            (value % '{"$x": 2, "a": 1}', "a type is written as an object with one member"),
            (value % '{"$date": 5}', "5 isn't the content of a $date"),
            (value % '{"$set": [[]]}', "[[]] isn't the content of a $set"),
            (value % '{"$tuple": 5}', "5 isn't the content of a $tuple"),
            (
                value % f'"{"x" * 700_000}"',
                "the value of 1 can't be stored: it is a string of "
                "700,000 bytes, of which 655,360 are allowed",
            ),
            (value % ("9" * 5000), "it has a number of too many digits"),
        ):
            said = self.run_command("import", self.path, stdin=f"{good}\n{line}\n", fails=True)
            expected = f"pbrealm.store: line 2 can't be imported, and none was: {why}\n"
            self.assertEqual(said, expected)
        said = self.run_command("import", self.path, stdin=good.encode() + b"\n\xff\n", fails=True)
        self.assertIn("line 2 can't be imported, and none was: it isn't UTF-8\n", said)
        self.assertEqual(set(self.read(self.path)), {"alice", "bob"})

    def test_import_blank_lines(self):
        """They are passed over, and counted as lines."""
        good = '{"name": "carol", "key": 1, "value": 2}\n'
        said = self.run_command("import", self.path, stdin=f"\n{good}  \n\r\n")
        self.assertEqual(said, "1 item of 1 name\n")
        said = self.run_command("import", self.path, stdin=f"\n{good}\nno\n", fails=True)
        self.assertIn("line 4", said)

    def test_failed_import_leaves_no_file(self):
        other = os.path.join(self.directory, "other.db")
        self.run_command("import", other, stdin="nonsense", fails=True)
        self.assertFalse(os.path.exists(other))

        def fail(file, erased, rows):
            raise SaveFailed("the changes could not be saved, and were undone: disk full")

        self.patch(StoreFile, "write", fail)
        line = '{"name": "carol", "key": 1, "value": 2}\n'
        self.assertIn("disk full", self.run_command("import", other, stdin=line, fails=True))
        self.assertEqual(os.listdir(self.directory), ["players.db"])
        self.run_command("import", self.path, stdin=line, fails=True)
        self.assertEqual(os.listdir(self.directory), ["players.db"])

    def test_import_of_nothing(self):
        other = os.path.join(self.directory, "other.db")
        self.assertEqual(self.run_command("import", other), "0 items of 0 names\n")
        self.assertFalse(os.path.exists(other))

    def test_empty_file(self):
        """What only reads doesn't turn it into a store, nor what has no tables."""
        empty = Path(self.directory, "empty.db")
        for statement in ((), ("CREATE TABLE t (x)", "DROP TABLE t")):
            empty.write_bytes(b"")
            run_sql(str(empty), *statement)
            before = empty.read_bytes()
            for command in ("names", "check", "export", "show"):
                arguments = [command, str(empty), *(["alice"] if command == "show" else [])]
                said = self.run_command(*arguments, fails=True)
                self.assertEqual(said, f"pbrealm.store: {empty} is empty, not a store\n")
            self.assertEqual(empty.read_bytes(), before)
            self.assertEqual(sorted(os.listdir(self.directory)), ["empty.db", "players.db"])
        line = '{"name": "carol", "key": 1, "value": 2}\n'
        self.assertEqual(self.run_command("import", str(empty), stdin=line), "1 item of 1 name\n")

    def test_directory(self):
        for command in ("names", "import"):
            said = self.run_command(
                command,
                self.directory,
                stdin='{"name": "carol", "key": 1, "value": 2}\n',
                fails=True,
            )
            self.assertEqual(said, f"pbrealm.store: {self.directory} is a directory\n")

    def test_check(self):
        said = self.run_command("check", self.path)
        self.assertEqual(said, f"{self.path} is as it was saved: 2 names\n")
        run_sql(self.path, "UPDATE items SET checksum = 1 WHERE name = 'alice'")
        self.assertIn("is damaged", self.run_command("check", self.path, fails=True))
        self.assertIn("is damaged", self.run_command("show", self.path, "alice", fails=True))

    def test_locked(self):
        """While a server has the file open, it says so."""
        file = StoreFile(self.path)
        self.addCleanup(file.close)
        for command in ("names", "check", "export", "import"):
            line = '{"name": "carol", "key": 1, "value": 2}\n'
            said = self.run_command(command, self.path, stdin=line, fails=True)
            self.assertIn("is in use by another process", said)

    def test_no_file(self):
        """It makes no file, unless something is imported."""
        missing = os.path.join(self.directory, "missing.db")
        for command in ("names", "check", "export"):
            self.assertIn("there is no file", self.run_command(command, missing, fails=True))
        self.assertFalse(os.path.exists(missing))

    def test_help(self):
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.assertRaises(SystemExit, main, ["--help"])
        for name in ("names", "show", "export", "import", "check"):
            self.assertRegex(out.getvalue(), rf"\n +{name} +\w+")
