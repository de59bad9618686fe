"""
Memory of a server with many stored users, of whom few are online.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmarks.processes import Worker
from benchmarks.store.sides import value
from pbrealm.store._codec import encode_key, encode_value
from pbrealm.store._file import StoreFile

ONLINE = 1_000
KEYS = 10


@dataclass(frozen=True)
class Memory:
    """
    What a server takes.

    @ivar stored: how many users are in its file.
    @ivar file: bytes of the file.
    @ivar states: how many states are in memory when the file is open, and nobody has logged in.
    @ivar before: bytes of memory then.
    @ivar after: bytes of memory with the users online.
    """

    stored: int
    file: int
    states: int
    before: int
    after: int


def measure_memory(directory: str, stored: int) -> Memory:
    """Measure."""
    path = os.path.join(directory, f"{stored}.db")
    _fill(path, stored)
    server = Worker("benchmarks.store.server", path)
    clients = Worker("benchmarks.sessions.clients", str(server.hear()))
    try:
        clients.hear()
        server.ask(("open",))
        states, before = server.ask(("states",)), server.ask(("memory",))
        clients.ask(("connect", "user", 0, ONLINE))
        assert server.ask(("states",)) == ONLINE
        after = server.ask(("memory",))
    finally:
        clients.stop()
        server.stop()
    return Memory(stored, os.path.getsize(path), states, before, after)


def _fill(path: str, stored: int) -> None:
    """Make a file with that many users."""
    row = {encode_key(f"key{key}"): encode_value("", value(key)) for key in range(KEYS)}
    file = StoreFile(path)
    for first in range(0, stored, 1_000):
        file.write([], {f"user{first + number}": row for number in range(1_000)})
    file.close()
