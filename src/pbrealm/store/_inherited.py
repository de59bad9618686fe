"""
Open files that a forked process inherits.

SQLite would take the child for the owner of the file: closing it there, as the interpreter does
at its end, removes the log that the parent goes on writing to.
"""

from __future__ import annotations

import ctypes
import os
from sqlite3 import Connection
from typing import Final, Protocol
from weakref import WeakSet


class OpenFile(Protocol):
    """Whatever has a connection to a file."""

    @property
    def connection(self) -> Connection:
        """The connection."""


_files: Final[WeakSet[OpenFile]] = WeakSet()


def leave_open_in_children(file: OpenFile) -> None:
    """Have processes that are forked from now on never close a file."""
    _files.add(file)


def _leak() -> None:
    for file in _files:
        # The interpreter frees, and so closes, whatever it can.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(file.connection))


# Windows has no fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leak)
