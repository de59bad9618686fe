"""
The items of a name, with what it takes to save their changes, and to undo them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pbrealm.errors import StoreDamaged
from pbrealm.store._codec import decode_key, decode_value, encode_key

Row = tuple[bytes, bytes]
"""A key and its value, both encoded."""

Saved = tuple[Any, "bytes | None"]
"""A value, and its encoding if the value could be changed in place."""

_CHANGEABLE: Final = frozenset({list, dict, set, tuple})


class Contents:
    """
    The items of one name.

    @ivar items: the items, decoded.
    """

    __slots__ = ("_encoded", "_row_keys", "items")

    def __init__(self) -> None:
        self.items: dict[Any, Any] = {}
        # Encoded keys that aren't str or bytes: such keys can be equal and yet have different
        # encodings, as 1 and True have.
        self._row_keys: dict[Any, bytes] = {}
        # Encoded values that could be changed in place, themselves or what they hold.
        self._encoded: dict[Any, bytes] = {}

    def row_key(self, key: Any) -> bytes:
        """
        The encoded key of the row that has a key, or will have.

        @raise TypeError: if the key can't be stored.
        """
        return self._row_keys.get(key) or encode_key(key)

    def saved(self, key: Any) -> Saved | None:
        """The value that was L{set} for a key; L{None} if there is none."""
        if key not in self.items:
            return None
        return self.items[key], self._encoded.get(key)

    def set(self, key: Any, value: Any, row_key: bytes, encoded: bytes | None) -> None:
        """Set an item."""
        self.items[key] = value
        if type(key) is not str and type(key) is not bytes:
            self._row_keys[key] = row_key
        if encoded is not None and type(value) in _CHANGEABLE:
            self._encoded[key] = encoded
        else:
            self._encoded.pop(key, None)

    def remove(self, key: Any) -> None:
        """Remove an item."""
        del self.items[key]
        self._row_keys.pop(key, None)
        self._encoded.pop(key, None)


def decode_rows(name: str, rows: Iterable[Row]) -> Contents:
    """
    Decode the items of a name.

    @raise StoreDamaged: if they aren't what a L{StoredDict<pbrealm.store.StoredDict>} saves.
    """
    contents = Contents()
    for row_key, encoded in rows:
        try:
            key, value = decode_key(row_key), decode_value(encoded)
        except ValueError as error:
            raise StoreDamaged(f"the state of {name!r} is damaged: {error}") from error
        if key in contents.items:
            raise StoreDamaged(f"the state of {name!r} is damaged: {key!r} is in it twice")
        contents.set(key, value, row_key, encoded)
    return contents
