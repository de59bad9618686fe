"""
The file of a store, in SQLite's format.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from pbrealm.errors import SaveFailed, StoreDamaged, StoreError, StoreLocked, StoreUnusable
from pbrealm.store._contents import Row, decode_rows
from pbrealm.store._inherited import leave_open_in_children
from pbrealm.store._migrations import APPLICATION_ID, MIGRATIONS, Migration, migrate

_PUT: Final = (
    "INSERT INTO items (name, key, value, checksum) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (name, key) DO UPDATE SET value = excluded.value, checksum = excluded.checksum"
)

# Some of SQLite's messages quote what is damaged, which needn't be Unicode any more.
_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)

# One step for each name, however many rows it has.
_NAMES: Final = (
    "WITH RECURSIVE found (name) AS (SELECT min(name) FROM items UNION ALL"
    " SELECT (SELECT min(name) FROM items WHERE name > found.name) FROM found"
    " WHERE found.name IS NOT NULL) SELECT name FROM found WHERE name IS NOT NULL"
)


def checksum(name: str, key: bytes, value: bytes) -> int:
    """The checksum of a row, which finds out if any of it has changed on the disk."""
    return zlib.crc32(value, zlib.crc32(key, zlib.crc32(name.encode())))


class StoreFile:
    """
    An open file of a store, locked for this process until it is closed.

    All methods wait for the disk.  One thread at a time may call them.

    @ivar connection: the open file, as SQLite has it.
    """

    def __init__(
        self, path: str, migrations: Sequence[Migration] = MIGRATIONS, *, existing: bool = False
    ) -> None:
        """
        Open the file; make it if there is none.

        @param existing: whether an empty file is refused, instead of being made a store.
        @raise StoreUnusable: if the file can't be used.
        @raise StoreLocked: if another process, or another store of this one, has it open.
        """
        self.path = path
        _check_length(path)
        try:
            self.connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise StoreUnusable(f"{path} {_why_not_opened(path, error)}") from error
        try:
            self._prepare(migrations, existing)
        except BaseException as error:
            self.connection.close()
            if isinstance(error, _ERRORS):
                self._fail_to_open(error)
            raise
        leave_open_in_children(self)

    def _prepare(self, migrations: Sequence[Migration], existing: bool) -> None:
        execute = self.connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        self._check_owner(len(migrations), existing)
        execute("PRAGMA synchronous = FULL")
        # Not before the file is known to be a store's, since this writes to it.
        execute("PRAGMA journal_mode = WAL")
        migrate(self.connection, migrations)
        # Finds out now if the file can't be written to, and locks it.
        execute("BEGIN IMMEDIATE")
        execute("ROLLBACK")

    def _check_owner(self, newest: int, existing: bool) -> None:
        (application,) = self.connection.execute("PRAGMA application_id").fetchone()
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if existing and not (application or version or tables):
            raise StoreUnusable(f"{self.path} is empty, not a store")
        if application != APPLICATION_ID and (application or version or tables):
            raise StoreUnusable(f"{self.path} is a database of another program")
        if version > newest:
            raise StoreUnusable(
                f"{self.path} was written by a newer pbrealm: it has version {version}, "
                f"and this one knows none after {newest}"
            )

    def _fail_to_open(self, error: Exception) -> NoReturn:
        text = str(error)
        if "locked" in text:
            raise StoreLocked(f"{self.path} is in use by another process") from error
        if "not a database" in text:
            raise StoreUnusable(f"{self.path} is not a database") from error
        # SQLite itself speaks of an I/O error then.
        for path in (self.path, os.path.dirname(os.path.abspath(self.path))):
            if os.path.exists(path) and not os.access(path, os.W_OK):
                raise StoreUnusable(
                    f"{self.path} can't be used: {path} can't be written to"
                ) from error
        raise StoreUnusable(f"{self.path} can't be used: {error}") from error

    def names(self) -> list[str]:
        """
        The names that have items, in order.

        @raise StoreError: if they can't be read.
        """
        with self._reading("the names"):
            return [name for (name,) in self.connection.execute(_NAMES)]

    def read(self, name: str) -> list[Row]:
        """
        Read the items of a name.

        @raise StoreDamaged: if the disk doesn't have what was saved.
        @raise StoreError: if they can't be read.
        """
        with self._reading(f"the state of {name!r}"):
            rows = self.connection.execute(
                "SELECT key, value, checksum FROM items WHERE name = ?", (name,)
            ).fetchall()
        for key, value, expected in rows:
            if (
                not (isinstance(key, bytes) and isinstance(value, bytes))
                or checksum(name, key, value) != expected
            ):
                raise StoreDamaged(f"the state of {name!r} is damaged")
        return [(key, value) for key, value, _ in rows]

    def write(
        self, erased: Iterable[str], rows: Mapping[str, Mapping[bytes, bytes | None]]
    ) -> None:
        """
        Change the file, and wait until that is on the disk: all of it, or nothing.

        @param erased: names whose items are removed first.
        @param rows: the values for keys of names; L{None} removes a key.
        @raise SaveFailed: if nothing was changed.
        """
        execute, executemany = self.connection.execute, self.connection.executemany
        put = [
            (name, key, value, checksum(name, key, value))
            for name, changes in rows.items()
            for key, value in changes.items()
            if value is not None
        ]
        removed = [
            (name, key)
            for name, changes in rows.items()
            for key, value in changes.items()
            if value is None
        ]
        try:
            execute("BEGIN IMMEDIATE")
            executemany("DELETE FROM items WHERE name = ?", [(name,) for name in erased])
            executemany("DELETE FROM items WHERE name = ? AND key = ?", removed)
            executemany(_PUT, put)
            execute("COMMIT")
        except _ERRORS as error:
            self._undo()
            text = f"the changes could not be saved, and were undone: {error}"
            raise SaveFailed(text) from error

    def _undo(self) -> None:
        try:
            # Some errors have ended the transaction.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            # What failed to reach the disk may be complete in the log, if it was only the sync
            # that failed, and would be found there after a crash.  This overwrites it.
            version = len(MIGRATIONS)
            self.connection.execute(f"PRAGMA user_version = {version}")
        except _ERRORS:
            pass  # The next change that can be saved overwrites it.

    def check(self) -> Iterator[str]:
        """
        Look for damage in the whole file.

        @return: a sentence for each that is found.
        """
        try:
            with self._reading("the file"):
                found = self.connection.execute("PRAGMA integrity_check").fetchall()
            yield from (text for (text,) in found if text != "ok")
            names = self.names()
        except StoreError as error:
            yield str(error)
            return
        for name in names:
            try:
                decode_rows(name, self.read(name))
            except StoreError as error:
                yield str(error)

    def close(self) -> None:
        """Close the file; nothing is lost if this fails."""
        self.connection.close()

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(f"{what} can't be read now: {error}") from error
        except _ERRORS as error:
            raise StoreDamaged(f"{what} can't be read, as the file is damaged: {error}") from error


def _why_not_opened(path: str, error: sqlite3.Error) -> str:
    if os.path.isdir(path):
        return "is a directory"
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        return "is in a directory that isn't there"
    return f"can't be opened: {error}"


def _check_length(path: str) -> None:
    """
    SQLite takes the pages at the end of a file that was cut off for empty ones.

    @raise StoreUnusable: if the file is shorter than it says itself.
    @see: U{The database header<https://www.sqlite.org/fileformat.html#the_database_header>}
    """
    try:
        with open(path, "rb") as file:
            header = file.read(100)
        size = os.path.getsize(path)
        # What isn't in the file yet may be in its log.
        if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
            return
    except OSError:
        return  # SQLite says what the matter is, or makes the file.
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        return
    page_size, counter, pages = (
        int.from_bytes(header[start:end], "big") for start, end in ((16, 18), (24, 28), (28, 32))
    )
    expected = pages * (65536 if page_size == 1 else page_size)
    # Otherwise an old version of SQLite has written to it, which doesn't note its size.
    noted = counter == int.from_bytes(header[92:96], "big")
    if noted and size < expected:
        raise StoreUnusable(
            f"{path} is damaged: it has {size:,} bytes, of the {expected:,} that it had"
        )
