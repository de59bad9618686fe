"""
A mapping whose changes are saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from pbrealm._delivery.shared_dict import SharedDict
from pbrealm._unsaved import UNSAVED
from pbrealm.store._codec import decode_key, decode_value, encode_value
from pbrealm.store._commits import Commit, CommitQueue
from pbrealm.store._contents import Contents, Saved


class StoredDict(SharedDict):
    """
    A L{SharedDict<pbrealm.SharedDict>} whose changes are saved.  A store loads it.

    A change is in memory at once, and then on its way to the disk.  Clients that have copies are
    told once it is there, and so are the answers of calls, and notifications, that rest on it;
    L{saved} is for what else has to wait.  Changes that are made without waiting in between are
    saved together or not at all, also those of several states.  If they can't be saved, they are
    undone, with all that were made since.

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
        # The last that has changes of this; it may be saved by now.
        self._commit: Commit | None = None

    def saved(self) -> Deferred[None]:
        """
        Wait until all changes so far are on the disk.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """
        commit = self._commits.last(self.name)
        return succeed(None) if commit is None else commit.told()

    def __getitem__(self, key: Any) -> Any:
        if self._commit is not None:
            self._has_read()
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        if self._commit is not None:
            self._has_read()
        return iter(self._items)

    def __len__(self) -> int:
        if self._commit is not None:
            self._has_read()
        return len(self._items)

    def __setitem__(self, key: Any, value: Any) -> None:
        """
        Set an item.

        @raise TypeError: if it can't be stored; nothing is changed then.
        """
        contents = self._contents
        row_key, encoded = contents.row_key(key), encode_value(key, value)
        self._record(((row_key, key, encoded),))
        contents.set(key, value, row_key, encoded)

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
        rows = [
            (contents.row_key(key), key, encode_value(key, value)) for key, value in items.items()
        ]
        self._record(rows)
        for row_key, key, encoded in rows:
            contents.set(key, items[key], row_key, encoded)

    def clear(self) -> None:
        """Remove all items, in one message to each client."""
        self._remove(list(self._items))

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> dict[Any, Any]:
        # The client is told of what isn't saved yet when it is.
        self._observers.add(observer)
        items = dict(self._items)
        removed, restored = _decoded(self._commits.saved(self.name))
        for key in removed:
            items.pop(key, None)
        for key, (value, _, _) in restored.items():
            items.pop(key, None)
            items[key] = value
        return {
            "items": {key: value for key, value in items.items() if self.may_see(perspective, key)}
        }

    def tell(self, rows: Mapping[bytes, bytes | None]) -> None:
        """
        Tell the clients that have copies of changes that are saved now.

        @param rows: the encoded values by their encoded keys; L{None} for a key that was removed.
        """
        if not len(self._observers):
            return
        # Those that go are first: one that comes may be equal to one of them.
        removed = [key for key, value in rows.items() if value is None]
        self._tell("remove", {decode_key(key): None for key in removed})
        updated = {decode_key(key): value for key, value in rows.items() if value is not None}
        self._tell("update", {key: decode_value(value) for key, value in updated.items()})

    def restore(self, saved: Mapping[bytes, Saved | None]) -> None:
        """
        Undo changes in memory.

        @param saved: what is on the disk for each encoded key that was changed; L{None} where
            there is nothing.
        """
        self._commit = None
        removed, restored = _decoded(saved)
        # Those that go are first: one that comes back may be equal to one of them.
        for key in removed:
            if key in self._items:
                self._contents.remove(key)
        for key, (value, row_key, encoded) in restored.items():
            self._contents.set(key, value, row_key, encoded)

    def _remove(self, keys: list[Any]) -> None:
        self._record([(self._contents.row_key(key), key, None) for key in keys])
        for key in keys:
            self._contents.remove(key)

    def _record(self, rows: Sequence[tuple[bytes, Any, bytes | None]]) -> None:
        """
        Note what is to be saved, and what is on the disk instead.

        @param rows: encoded keys, keys, and encoded values; L{None} for a key that goes.
        """
        if not rows:
            return
        commit = self._commit = self._commits.collecting()
        changed, saved = commit.changes(self.name, self)
        for row_key, key, encoded in rows:
            if row_key not in saved:
                saved[row_key] = self._contents.saved(key)
            changed[row_key] = encoded

    def _has_read(self) -> None:
        """What is told by a call that has read something unsaved waits for that."""
        call = UNSAVED.get()
        if self._commit is None or call is None:
            return
        if self._commit.is_saved:
            self._commit = None
        else:
            call.add(self._commit)


def _decoded(
    saved: Mapping[bytes, Saved | None],
) -> tuple[list[Any], dict[Any, tuple[Any, bytes, bytes | None]]]:
    """
    What changes are to be undone.

    @param saved: what is on the disk for each encoded key that was changed; L{None} where there is
        nothing.
    @return: the keys to remove; and the values to set, by their keys, with the encoded key and, if
        the value can be changed in place, the encoded value.
    """
    removed: list[Any] = []
    restored: dict[Any, tuple[Any, bytes, bytes | None]] = {}
    for row_key, before in saved.items():
        key = decode_key(row_key)
        if before is None:
            removed.append(key)
        else:
            value, encoded = before
            if encoded is not None:
                value = decode_value(encoded)
            restored[key] = value, row_key, encoded
    return removed, restored
