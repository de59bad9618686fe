"""
What every store must do, done by those that there are.
"""

import os

from twisted.trial.unittest import TestCase

from pbrealm.store import SQLiteStore, Store
from pbrealm.testing import MemoryStorage, StoreSuite
from tests.store.cases import make_directory


class MemoryStoreTests(StoreSuite, TestCase):
    """
    A store on top of a storage in memory.
    """

    def setUp(self):
        self.storage = MemoryStorage()

    def make_store(self):
        return Store(self.storage)

    def break_store(self, store):
        self.storage.broken = "full"

    def mend_store(self, store):
        self.storage.broken = None


class SQLiteStoreTests(StoreSuite, TestCase):
    """
    A store in a file, with its thread.
    """

    def setUp(self):
        self.path = os.path.join(make_directory(self), "players.db")

    def make_store(self):
        return SQLiteStore(self.path)

    def break_store(self, store):
        store._storage._file.connection.execute("PRAGMA query_only = ON")

    def mend_store(self, store):
        store._storage._file.connection.execute("PRAGMA query_only = OFF")
