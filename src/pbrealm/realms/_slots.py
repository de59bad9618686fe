"""
The slots of a limited realm: who holds them, and who would have to leave for another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from pbrealm.errors import Reason
from pbrealm.interfaces import ISession


class Slots:
    """
    A table of the sessions that hold a slot, by a key such as the avatar id, and in all.

    A session that was revoked holds none, though it may still be in the table: all sessions of a
    lost connection are revoked before the first is ended.

    @ivar limit: gives the limit of a key; L{None} for any number.
    @ivar total: how many slots there are in all; L{None} for any number.
    """

    def __init__(self, limit: Callable[[Any], int | None], total: int | None) -> None:
        self.limit = limit
        self.total = total
        # In the order in which they took their slots.  Nothing is copied when one is taken or
        # freed, since a key may have very many.
        self._by_key: dict[Hashable, dict[ISession, None]] = {}
        # Their keys.
        self._all: dict[ISession, Hashable] = {}
        # One bound method for all sessions, instead of one for each.
        self._at_end = self._free

    def __len__(self) -> int:
        return len(self._all)

    def holders(self, key: Hashable) -> Sequence[ISession]:
        """The sessions that hold slots of a key, oldest first."""
        return _holding(self._by_key.get(key, ()))

    def blocking_own(self, key: Hashable) -> Sequence[ISession] | None:
        """
        @return: L{None} if the limit of the key leaves a slot; else the sessions of this key, one
            of which would have to end.
        """
        limit = self.limit(key)
        if limit is None or len(self._by_key.get(key, ())) < limit:
            return None
        own = self.holders(key)
        return own if len(own) >= limit else None

    def blocking_total(self) -> Sequence[ISession] | None:
        """
        @return: L{None} if the total leaves a slot; else all sessions, one of which would have to
            end.
        """
        if self.total is None or len(self._all) < self.total:
            return None
        everybody = _holding(self._all)
        return everybody if len(everybody) >= self.total else None

    @property
    def keys(self) -> Sequence[Hashable]:
        """Those that have slots."""
        return tuple(self._by_key)

    def beyond_own(self, key: Hashable) -> Sequence[ISession]:
        """The sessions of a key, oldest first, if they are more than there may be; else none."""
        limit, own = self.limit(key), self.holders(key)
        return own if limit is not None and len(own) > limit else ()

    def beyond_total(self) -> Sequence[ISession]:
        """All sessions, oldest first, if they are more than there may be; else none."""
        everybody = _holding(self._all)
        return everybody if self.total is not None and len(everybody) > self.total else ()

    def take(self, session: ISession, key: Hashable) -> None:
        """Give a session a slot of a key until it ends."""
        self._by_key.setdefault(key, {})[session] = None
        self._all[session] = key
        session.on_end(self._at_end)

    def _free(self, session: ISession, _: Reason) -> None:
        key = self._all.pop(session)
        own = self._by_key[key]
        del own[session]
        if not own:
            del self._by_key[key]


def _holding(sessions: Iterable[ISession]) -> tuple[ISession, ...]:
    return tuple(session for session in sessions if session.ended is None)
