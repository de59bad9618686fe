"""
A storage in memory, whose writes take as long as a test says, and fail when it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.internet.defer import Deferred, fail, succeed

from pbrealm.errors import SaveFailed, StoreError
from pbrealm.store import Contents, decode_rows

_Changes = Mapping[str, Mapping[bytes, "bytes | None"]]


class MemoryStorage:
    """
    What a L{Store<pbrealm.store.Store>} keeps its rows in, in a test::

        storage = MemoryStorage()
        store = Store(storage, clock=server.clock)

    A second store with the same storage finds what was saved, as after a restart.

    @ivar rows: what is saved: for each name, the encoded values by their encoded keys.
    @ivar broken: why nothing can be read or written; L{None} if it can.
    @ivar writes: how many writes there were, also failed ones.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, bytes]] = {}
        self.broken: str | None = None
        self.writes = 0
        self._holding = False
        self._held: tuple[Iterable[str], _Changes, Deferred[None]] | None = None

    def hold(self) -> None:
        """Have writes take until L{release}."""
        self._holding = True

    def release(self) -> None:
        """Let the write that waits take place now, and others at once; or fail if C{broken}."""
        self._holding = False
        self.release_one()

    def release_one(self) -> bool:
        """
        Let the write that waits take place now.

        @return: whether there was one.
        """
        held, self._held = self._held, None
        if held is None:
            return False
        erased, rows, written = held
        self._write(erased, rows).chainDeferred(written)
        return True

    def open(self) -> Deferred[None]:
        return self._check(StoreError)

    def read(self, name: str) -> Deferred[Contents]:
        rows = self.rows.get(name, {})
        return self._check(StoreError).addCallback(lambda _: decode_rows(name, rows.items()))

    def write(self, erased: Iterable[str], rows: _Changes) -> Deferred[None]:
        self.writes += 1
        if self._holding:
            written: Deferred[None] = Deferred()
            self._held = erased, rows, written
            return written
        return self._write(erased, rows)

    def names(self) -> Deferred[list[str]]:
        return self._check(StoreError).addCallback(lambda _: sorted(self.rows))

    def close(self) -> Deferred[None]:
        return succeed(None)

    def _check(self, kind: type[StoreError]) -> Deferred[None]:
        return succeed(None) if self.broken is None else fail(kind(self.broken))

    def _write(self, erased: Iterable[str], rows: _Changes) -> Deferred[None]:
        checked = self._check(SaveFailed)
        if self.broken is None:
            for name in erased:
                self.rows.pop(name, None)
            for name, changes in rows.items():
                stored = self.rows.setdefault(name, {})
                for key, value in changes.items():
                    if value is None:
                        stored.pop(key, None)
                    else:
                        stored[key] = value
                if not stored:
                    del self.rows[name]
        return checked
