"""
Memory follows the users who are online, not those who are stored.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from typing import Any

from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile
from tests.integration.processes import ROOT, Process, ProcessTestCase

PROGRAM = """
import gc, json, os, sys
from twisted.internet import task
from twisted.spread import pb
from pbrealm import SharedStateRealm
from pbrealm.store import SQLiteStore

class Player(pb.Avatar):
    def __init__(self, name, state):
        assert state["name"] == name

def resident():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main(reactor):
    store = SQLiteStore(sys.argv[1])
    realm = SharedStateRealm(Player, store.load)
    await store.open()
    found = [resident()]
    logins = []
    for number in range(2_000):
        logins.append(await realm.requestAvatar(f"user{number * 5}", None, pb.IPerspective))
        if len(logins) in (1_000, 2_000):
            found.append(resident())
    print(json.dumps(found))

task.react(main)
"""


class MemoryTests(ProcessTestCase):
    def setUp(self) -> None:
        if not os.path.exists("/proc/self/statm"):
            self.skipTest("the system doesn't say how much memory a process has")
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    async def measure(self, stored: int) -> list[int]:
        """
        Store users, and let some of them log in.

        @return: the bytes that the process has when the file is open, with 1,000 users online, and
            with 2,000.
        """
        path = os.path.join(self.directory, f"{stored}.db")
        file = StoreFile(path)
        item = {encode_key("items"): encode_value("items", ["x" * 500])}
        names = (f"user{number}" for number in range(stored))
        file.write(
            [], {name: {encode_key("name"): encode_value("name", name), **item} for name in names}
        )
        file.close()
        process = self.stop_after_test(Process([sys.executable, "-c", PROGRAM, path], ROOT))
        self.assertEqual(await process.wait(), 0, process.output)
        found: Any = json.loads(process.out)
        return [int(size) for size in found]

    async def test_many_stored(self) -> None:
        few, many = [await self.measure(stored) for stored in (10_000, 100_000)]
        # Nothing is loaded at the start.
        self.assertLess(many[0], 1.05 * few[0])
        for online in (1, 2):
            self.assertLess(many[online] - many[0], 1.2 * (few[online] - few[0]))
        for before, some, more in (few, many):
            self.assertTrue(before < some < more)
