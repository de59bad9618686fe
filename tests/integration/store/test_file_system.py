"""
Files that can't be written to, for the reasons that a system has.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile
from tests.integration.processes import ROOT, Process, ProcessTestCase

READ_ONLY = """
import os, sys
from pbrealm.errors import StoreError
from pbrealm.store._file import StoreFile

if os.getuid() == 0:
    # Whom no permission stops.
    os.setuid(65534)
try:
    StoreFile(sys.argv[1])
except StoreError as error:
    print(type(error).__name__, error)
"""

LIMITED = """
import resource, sys
from twisted.internet import task
from pbrealm.errors import SaveFailed
from pbrealm.store import SQLiteStore

async def main(reactor):
    store = SQLiteStore(sys.argv[1])
    alice = await store.load("alice")
    alice["a"] = "x" * 10_000
    await alice.saved()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        for number in range(100):
            alice[number] = "x" * 10_000
            await alice.saved()
    except SaveFailed as error:
        print("failed:", error)
    assert list(alice) == ["a", *range(number)], alice.keys()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    alice["last"] = number
    await alice.saved()
    await store.close()
    store = SQLiteStore(sys.argv[1])
    again = await store.load("alice")
    assert dict(again) == dict(alice)
    print("saved:", len(again))

task.react(main)
"""


class FileSystemTests(ProcessTestCase):
    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = os.path.join(self.directory, "players.db")

    def run_program(self, program: str) -> Process:
        """Run Python with a program."""
        return self.stop_after_test(Process([sys.executable, "-c", program, self.path], ROOT))

    async def test_read_only(self) -> None:
        """A file, or a directory, that may only be read, is an error at the start."""
        file = StoreFile(self.path)
        file.write([], {"alice": {encode_key("a"): encode_value("a", 1)}})
        file.close()
        self.addCleanup(os.chmod, self.directory, 0o755)
        for path, mode in ((self.path, 0o444), (self.directory, 0o555)):
            os.chmod(self.directory, 0o777)
            os.chmod(self.path, 0o666)
            os.chmod(path, mode)
            process = self.run_program(READ_ONLY)
            self.assertEqual(await process.wait(), 0)
            said = f"{self.path} can't be used: {path} can't be written to (reason 9)"
            self.assertEqual(process.out, f"StoreUnusable {said}\n")

    async def test_file_size_limit(self) -> None:
        """What the system writes in part only, or not at all, is undone, and the rest goes on."""
        process = self.run_program(LIMITED)
        self.assertEqual(await process.wait(), 0, process.output)
        self.assertRegex(process.out, r"failed: the changes could not be saved, and were undone: ")
        self.assertRegex(process.out, r"saved: \d+\n")
