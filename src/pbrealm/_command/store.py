"""
The store that C{--store} names.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.python.usage import UsageError

from pbrealm._command.cannot_start import CannotStart
from pbrealm.errors import StoreError

if TYPE_CHECKING:
    from pbrealm.store import SQLiteStore


def parse_store(option: str, path: str) -> SQLiteStore:
    """
    Make the store in a file, which isn't opened yet.

    @param option: the name of the option without its dashes.
    @raise UsageError: if there is no path.
    """
    if not path:
        raise UsageError(f"--{option} must be the path of a file, not ''")
    # Only those who ask for a store have to have sqlite3.
    from pbrealm.store import SQLiteStore

    # When the file is opened, twistd has changed to its --rundir already.
    return SQLiteStore(os.path.abspath(path))


def open_store(store: SQLiteStore) -> None:
    """
    Open the file, before the reactor runs.

    @raise CannotStart: if it can't be used.
    """
    try:
        store.open_blocking()
    except StoreError as why:
        # The cause is first, in case that the end is cut off.
        cause = why.sentence.removeprefix(f"{store.path} ")
        raise CannotStart(f"pbrealm: the store {cause}: {store.path}") from why
