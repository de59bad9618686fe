"""
State that outlives the process.

A store keeps a L{StoredDict} for each name: a L{SharedDict<pbrealm.SharedDict>} whose changes are
saved.  As the state of a L{SharedStateRealm<pbrealm.SharedStateRealm>}, there is one for each
avatar id::

    store = SQLiteStore("players.db")
    realm = SharedStateRealm(Player, store.load)

L{Store} makes a store of another L{Storage}.
"""

from pbrealm.errors import (
    SaveFailed,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreLocked,
    StoreUnusable,
)
from pbrealm.store._contents import Contents, decode_rows
from pbrealm.store._interface import IStore, Storage
from pbrealm.store._sqlite import SQLiteStore
from pbrealm.store._store import Store
from pbrealm.store._stored_dict import StoredDict

__all__ = [
    "Contents",
    "IStore",
    "SQLiteStore",
    "SaveFailed",
    "Storage",
    "Store",
    "StoreClosed",
    "StoreDamaged",
    "StoreError",
    "StoreLocked",
    "StoreUnusable",
    "StoredDict",
    "decode_rows",
]
