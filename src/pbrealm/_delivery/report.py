"""
The report on a message to many clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from twisted.python.failure import Failure
from twisted.python.reflect import qual, safe_str

_MAX_SHOWN = 200
"""Characters of a failure that are shown; clients can choose them."""

_C = TypeVar("_C")
_V = TypeVar("_V")


class ByIdentity(Mapping[_C, _V]):
    """
    A mapping that compares its keys by identity.

    The C{__hash__} and C{__eq__} of L{RemoteReference<twisted.spread.pb.RemoteReference>} can't be
    used: most connections have the same hash, and comparing across brokers raises.
    """

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[int, tuple[_C, _V]] = {}

    def __getitem__(self, key: _C) -> _V:
        return self._items[id(key)][1]

    def __setitem__(self, key: _C, value: _V) -> None:
        # The key is kept, too: once it is gone, another object may get its id.
        self._items[id(key)] = (key, value)

    def update_all(self, keys: Iterable[_C], value: _V) -> None:
        """Set many keys to one value."""
        self._items.update({id(key): (key, value) for key in keys})

    def pop(self, key: _C, default: Any = None) -> Any:
        return self._items.pop(id(key), (None, default))[1]

    def __contains__(self, key: object) -> bool:
        return id(key) in self._items

    def __iter__(self) -> Iterator[_C]:
        return iter([key for key, _ in self._items.values()])

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        items = (f"{key!r}: {_shown(value)}" for key, value in self._items.values())
        return f"{{{', '.join(items)}}}"


def _shown(value: object) -> str:
    if not isinstance(value, Failure):
        return repr(value)
    # Of a failure at the peer, the type is whatever the peer says, and repr() would fail.
    kind: object = value.type
    name = qual(kind) if isinstance(kind, type) else safe_str(kind)
    text = safe_str(value.value)
    return f"<{type(value).__name__} {name[:_MAX_SHOWN]}: {text[:_MAX_SHOWN]!r}>"


@dataclass
class DeliveryReport(Generic[_C]):
    """
    What came of one message to many clients, each of which is in exactly one of these.
    """

    answered: ByIdentity[_C, Any] = field(default_factory=ByIdentity)
    """The answer of each client that gave one; L{None} where none was asked for."""

    failed: ByIdentity[_C, Failure] = field(default_factory=ByIdentity)
    """What the client's method failed with, or a L{Failure} of
    L{NotifyTimeout<pbrealm.errors.NotifyTimeout>} or of L{NoMind<pbrealm.errors.NoMind>}."""

    gone: list[_C] = field(default_factory=list)
    """Clients that had left, or left before they answered."""

    dropped: list[_C] = field(default_factory=list)
    """Clients so slow that the message was dropped before it was sent."""
