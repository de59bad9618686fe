"""
The slots of a limited realm: who holds them, and who would have to leave for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pbrealm.errors import Reason
from pbrealm.interfaces import ISession


class Slots:
    """
    A table of the sessions that hold a slot, by avatar id and in all.

    A session that was revoked holds none, though it may still be in the table: all sessions of a
    lost connection are revoked before the first is ended.
    """

    def __init__(self, limit: Callable[[str], int], total: int | None) -> None:
        self._limit = limit
        self._total = total
        # In the order in which they took their slots.  Nothing is copied when one is taken or
        # freed, since an avatar id may have very many.
        self._by_id: dict[str, dict[ISession, None]] = {}
        self._all: dict[ISession, None] = {}
        # One bound method for all sessions, instead of one for each.
        self._at_end = self._free

    def __len__(self) -> int:
        return len(self._all)

    def holders(self, avatar_id: str) -> Sequence[ISession]:
        """The sessions that hold slots of an avatar id, oldest first."""
        return _holding(self._by_id.get(avatar_id, ()))

    def blocking_own(self, avatar_id: str) -> Sequence[ISession] | None:
        """
        @return: L{None} if the limit of the avatar id leaves a slot; else the sessions of this
            avatar id, one of which would have to end.
        """
        limit = self._limit(avatar_id)
        if len(self._by_id.get(avatar_id, ())) < limit:
            return None
        own = self.holders(avatar_id)
        return own if len(own) >= limit else None

    def blocking_total(self) -> Sequence[ISession] | None:
        """
        @return: L{None} if the total leaves a slot; else all sessions, one of which would have to
            end.
        """
        if self._total is None or len(self._all) < self._total:
            return None
        everybody = _holding(self._all)
        return everybody if len(everybody) >= self._total else None

    def take(self, session: ISession) -> None:
        """Give a session a slot until it ends."""
        self._by_id.setdefault(session.avatar_id, {})[session] = None
        self._all[session] = None
        session.on_end(self._at_end)

    def _free(self, session: ISession, _: Reason) -> None:
        del self._all[session]
        avatar_id = session.avatar_id
        own = self._by_id[avatar_id]
        del own[session]
        if not own:
            del self._by_id[avatar_id]


def _holding(sessions: Iterable[ISession]) -> tuple[ISession, ...]:
    return tuple(session for session in sessions if session.ended is None)
