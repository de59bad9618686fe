"""
The schema of a store's file: from each version to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Final

Migration = Callable[[Connection], object]

APPLICATION_ID: Final = 0x70627264
"""What SQLite keeps in the file's header to tell whose file it is: C{pbrd}."""


def create_items(connection: Connection) -> None:
    """
    Make an empty file a store's.

    The rows of one name are next to each other, in the order of their encoded keys.
    """
    connection.execute(
        "CREATE TABLE items (name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
        " checksum INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID"
    )


MIGRATIONS: Final[Sequence[Migration]] = (create_items,)
"""The migration at each index makes the version after it; the file's version is their number."""


def migrate(connection: Connection, migrations: Sequence[Migration]) -> None:
    """
    Bring a file to the newest version, all steps in one transaction.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in migrations[version:]:
            migration(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        # The error itself may have ended the transaction.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
