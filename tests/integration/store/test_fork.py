"""
A process that forks while it has a store open.
"""

from pathlib import Path

from tests.integration.command_case import CommandTestCase

PROGRAM = """
import os, sys
from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile

def save(key):
    file.write([], {"alice": {encode_key(key): encode_value(key, 1)}})

file = StoreFile("players.db")
save("before")
if not os.fork():
    sys.exit()
os.wait()
save("after")
os._exit(9)
"""


class ForkTests(CommandTestCase):
    async def test_a_child_that_ends(self) -> None:
        """What the process saves after that is there, also if it crashes."""
        process = self.start("-c", PROGRAM)
        self.assertEqual(await process.wait(), 9, process.output)
        self.assertTrue(Path(self.directory, "players.db-wal").exists())
        shown = self.start("-m", "pbrealm.store", "show", "players.db", "alice")
        self.assertEqual(await shown.wait(), 0, shown.output)
        self.assertEqual(shown.out, "'after': 1\n'before': 1\n")
