"""
A disk that fails when it's told to, and that loses what wasn't synced when the power goes.

It is a VFS of SQLite's, between it and the operating system, made with C{ctypes} of the library
that Python's C{sqlite3} uses.
"""

from __future__ import annotations

import ctypes
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_File = ctypes.c_void_p
_int, _int64, _pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p

_Open = ctypes.CFUNCTYPE(_int, _pointer, ctypes.c_char_p, _pointer, _int, _pointer)
_Delete = ctypes.CFUNCTYPE(_int, _pointer, ctypes.c_char_p, _int)
_Write = ctypes.CFUNCTYPE(_int, _File, _pointer, _int, _int64)
_Truncate = ctypes.CFUNCTYPE(_int, _File, _int64)
_Sync = ctypes.CFUNCTYPE(_int, _File, _int)


class _Vfs(ctypes.Structure):
    """The beginning of SQLite's C{sqlite3_vfs}, and room for the rest."""

    _fields_ = [
        ("version", _int),
        ("file_size", _int),
        ("path_size", _int),
        ("next", _pointer),
        ("name", ctypes.c_char_p),
        ("data", _pointer),
        ("open", _Open),
        ("delete", _Delete),
        ("rest", _pointer * 14),
    ]


class _Methods(ctypes.Structure):
    """SQLite's C{sqlite3_io_methods}."""

    _fields_ = [
        ("version", _int),
        ("close", _pointer),
        ("read", _pointer),
        ("write", _Write),
        ("truncate", _Truncate),
        ("sync", _Sync),
        ("rest", _pointer * 12),
    ]


OK, FULL, IO_WRITE, IO_TRUNCATE, IO_SYNC = 0, 13, 10 | 3 << 8, 10 | 6 << 8, 10 | 4 << 8

Operation = tuple[str, str, int, bytes]
"""What is done, to which file, and where: C{write}, C{truncate}, C{sync} or C{delete}."""

FAULTS = ("EIO", "ENOSPC", "short")


def healthy(what: str, path: str) -> str | None:
    """The faults of a disk that has none."""
    return None


class Disk:
    """
    What SQLite does to its files.

    @ivar operations: all that succeeded, if C{recording}.
    @ivar fault: is asked before each operation for the fault that it is to have: one of
        L{FAULTS}, or L{None} for none.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.recording = False
        self.fault: Callable[[str, str], str | None] = healthy
        self._paths: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        self._originals: dict[int, _Methods] = {}

    @contextmanager
    def mounted(self) -> Iterator[Disk]:
        """
        Have SQLite use this disk for the files that it opens.

        @raise AttributeError: if Python's C{sqlite3} doesn't let others call its library.
        """
        import _sqlite3

        library: Any = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        found = library.sqlite3_vfs_find(None).contents
        vfs = _Vfs.from_buffer_copy(found)
        vfs.name = b"pbrealm-test"
        self._system_open = found.open
        self._system_delete = found.delete
        vfs.open = _Open(self._open)
        vfs.delete = _Delete(self._delete)
        library.sqlite3_vfs_register(ctypes.byref(vfs), 1)
        try:
            yield self
        finally:
            library.sqlite3_vfs_unregister(ctypes.byref(vfs))

    def _open(self, vfs: int, name: bytes | None, file: int, flags: int, out: int) -> int:
        code = int(self._system_open(vfs, name, file, flags, out))
        address = _pointer.from_address(file)
        if code == OK and name is not None and address.value:
            self._paths[file] = os.fsdecode(name)
            original = _Methods.from_address(address.value)
            if address.value not in self._methods:
                ours = _Methods.from_buffer_copy(original)
                ours.write = _Write(self._write)
                ours.truncate = _Truncate(self._truncate)
                ours.sync = _Sync(self._sync)
                self._methods[address.value] = ours
            self._originals[file] = original
            address.value = ctypes.addressof(self._methods[address.value])
        return code

    def _delete(self, vfs: int, name: bytes, sync: int) -> int:
        self._note("delete", os.fsdecode(name), 0, b"")
        return int(self._system_delete(vfs, name, sync))

    def _write(self, file: int, data: int, length: int, offset: int) -> int:
        fault = self.fault("write", self._paths[file])
        if fault == "short":
            self._originals[file].write(file, data, length // 2, offset)
            self._note("write", self._paths[file], offset, ctypes.string_at(data, length // 2))
        if fault is not None:
            return FULL if fault == "ENOSPC" else IO_WRITE
        self._note("write", self._paths[file], offset, ctypes.string_at(data, length))
        return int(self._originals[file].write(file, data, length, offset))

    def _truncate(self, file: int, size: int) -> int:
        if self.fault("truncate", self._paths[file]) is not None:
            return IO_TRUNCATE
        self._note("truncate", self._paths[file], size, b"")
        return int(self._originals[file].truncate(file, size))

    def _sync(self, file: int, flags: int) -> int:
        if self.fault("sync", self._paths[file]) is not None:
            return IO_SYNC
        self._note("sync", self._paths[file], 0, b"")
        return int(self._originals[file].sync(file, flags))

    def _note(self, what: str, path: str, place: int, data: bytes) -> None:
        if self.recording:
            self.operations.append((what, path, place, data))


def after_power_loss(operations: list[Operation], chance: random.Random) -> dict[str, bytes]:
    """
    What is in the files when the power goes after these operations: all that was synced, and by
    chance some of the rest, in pieces and in any order.
    """
    synced: dict[str, bytearray] = {}
    unsynced: dict[str, list[Operation]] = {}
    for operation in operations:
        what, path = operation[:2]
        if what == "sync":
            for waiting in unsynced.pop(path, []):
                _apply(synced, waiting)
        elif what == "delete":
            # SQLite syncs the directory, where that matters.
            unsynced.pop(path, None)
            synced.pop(path, None)
        else:
            unsynced.setdefault(path, []).append(operation)
    for waiting_for in unsynced.values():
        survivors = [each for each in waiting_for if chance.random() < 0.5]
        chance.shuffle(survivors)
        for what, path, place, data in survivors:
            if chance.random() < 0.2:
                data = data[: chance.randrange(len(data) + 1)]
            _apply(synced, (what, path, place, data))
    return {path: bytes(content) for path, content in synced.items()}


def _apply(files: dict[str, bytearray], operation: Operation) -> None:
    what, path, place, data = operation
    content = files.setdefault(path, bytearray())
    if what == "truncate":
        del content[place:]
    else:
        if len(content) < place:
            content.extend(bytes(place - len(content)))
        content[place : place + len(data)] = data
