"""
Stores in memory and in files, and what is in them.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.store import Store, StoredDict, decode_rows
from pbrealm.testing import MemoryStorage
from tests.logs import observe_log


class MemoryStoreTestCase(SynchronousTestCase):
    """
    A store in memory, on a clock.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.storage = MemoryStorage()
        self.store = Store(self.storage, clock=self.clock)
        self.logged: list[dict[str, Any]] = []
        observe_log(self, self.logged.append)

    def load(self, name: str = "alice") -> StoredDict:
        """Load a state."""
        return self.successResultOf(self.store.load(name))

    def turn(self) -> None:
        """Let the reactor turn once."""
        self.clock.advance(0)

    def stored(self, name: str = "alice") -> dict[Any, Any]:
        """What is saved."""
        return decode_rows(name, self.storage.rows.get(name, {}).items()).items

    def break_storage(self, why: str | None = "no space left on the device") -> None:
        """Let reads and writes fail."""
        self.storage.broken = why


def make_directory(test: SynchronousTestCase) -> str:
    """Make a directory that is there until the test ends."""
    directory = tempfile.mkdtemp()
    test.addCleanup(shutil.rmtree, directory, ignore_errors=True)
    return directory


def run_sql(path: str, *statements: str) -> None:
    """Change a file that no store has open."""
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


def threads() -> list[str]:
    """The names of the threads of stores."""
    return [thread.name for thread in threading.enumerate() if "pbrealm" in thread.name]
