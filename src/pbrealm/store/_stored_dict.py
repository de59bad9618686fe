"""
A mapping whose changes are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.shared_dict import SharedDict
from pbrealm.store._codec import decode_key, decode_value, encode_value
from pbrealm.store._commits import CommitQueue, Tell
from pbrealm.store._contents import Contents, Saved


class StoredDict(SharedDict):
    """
    A L{SharedDict<pbrealm.SharedDict>} whose changes are saved.  A store loads it.

    A change is in memory, and on its way to the clients that have copies, at once; L{saved} tells
    when it is on the disk.  Changes that are made without waiting in between are saved together or
    not at all, also those of several states.  If they can't be saved, they are undone, with all
    that were made since, and the clients that have copies are told.

    Keys and values are plain data, and keep their types.  A change within a value isn't noticed;
    assign the value again.  The order of the items isn't saved.
    """

    def __init__(
        self,
        name: str,
        contents: Contents,
        commits: CommitQueue,
        *,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param contents: what is saved.
        @param commits: saves the changes.
        @param clock: by default the global reactor.
        """
        super().__init__(name, clock=clock)
        self._items = contents.items
        self._contents = contents
        self._commits = commits

    def saved(self) -> Deferred[None]:
        """
        Wait until all changes so far are on the disk.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """
        commit = self._commits.last(self.name)
        return succeed(None) if commit is None else commit.saved()

    def __setitem__(self, key: Any, value: Any) -> None:
        """
        Set an item.

        @raise TypeError: if it can't be stored; nothing is changed then.
        """
        self.update({key: value})

    def __delitem__(self, key: Any) -> None:
        if key not in self._items:
            raise KeyError(key)
        self._remove([key])

    def update(self, *args: Any, **kw: Any) -> None:
        """
        Change many items, in one message to each client.

        @raise TypeError: if one of them can't be stored; nothing is changed then.
        """
        items = dict(*args, **kw)
        contents = self._contents
        rows = {
            contents.row_key(key): (key, encode_value(key, value)) for key, value in items.items()
        }
        self._record(rows)
        for row_key, (key, encoded) in rows.items():
            contents.set(key, items[key], row_key, encoded)
        self._tell("update", items)

    def clear(self) -> None:
        """Remove all items, in one message to each client."""
        self._remove(list(self._items))

    def restore(self, saved: Mapping[bytes, Saved | None]) -> Tell:
        """
        Undo changes in memory.

        @param saved: what is on the disk for each encoded key that was changed; L{None} where
            there is nothing.
        @return: tells the clients that have copies.
        """
        removed: dict[Any, None] = {}
        restored: dict[Any, Any] = {}
        # Those that go are first: one that comes back may be equal to one of them.
        for row_key, before in saved.items():
            key = decode_key(row_key)
            if before is None and key in self._items:
                self._contents.remove(key)
                removed[key] = None
        for row_key, before in saved.items():
            if before is not None:
                key, (value, encoded) = decode_key(row_key), before
                if encoded is not None:
                    value = decode_value(encoded)
                self._contents.set(key, value, row_key, encoded)
                restored[key] = value

        def tell() -> None:
            self._tell("remove", removed)
            self._tell("update", restored)

        return tell

    def _remove(self, keys: list[Any]) -> None:
        self._record({self._contents.row_key(key): (key, None) for key in keys})
        for key in keys:
            self._contents.remove(key)
        self._tell("remove", dict.fromkeys(keys))

    def _record(self, rows: Mapping[bytes, tuple[Any, bytes | None]]) -> None:
        if not rows:
            return
        commit = self._commits.collecting()
        changed = commit.rows.setdefault(self.name, {})
        saved = commit.changed.setdefault(self.name, (self, {}))[1]
        for row_key, (key, encoded) in rows.items():
            if row_key not in saved:
                saved[row_key] = self._contents.saved(key)
            changed[row_key] = encoded
