"""
Who is in, and who is in the way of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pbrealm._session.session import Session
from pbrealm.errors import Reason


class Slots:
    """
    A table of the sessions that hold a place, by avatar id and in all.

    One whose end has begun holds none, though it may still be in the table: all sessions of a
    connection are over before each leaves.
    """

    def __init__(self, limit: Callable[[str], int], total: int | None) -> None:
        self._limit = limit
        self._total = total
        self._by_id: dict[str, tuple[Session, ...]] = {}
        self._all: dict[Session, None] = {}
        # Looked up once: each session would have one of its own.
        self._at_end = self._leave

    def __len__(self) -> int:
        return len(self._all)

    def of(self, avatar_id: str) -> Sequence[Session]:
        """Those who hold a place of this avatar id, oldest first."""
        return _holding(self._by_id.get(avatar_id, ()))

    def own_in_the_way(self, avatar_id: str) -> Sequence[Session] | None:
        """
        @return: L{None} if the avatar id may have one more; else its own sessions, of which one
            has to leave before.
        """
        own = self.of(avatar_id)
        return own if len(own) >= self._limit(avatar_id) else None

    def all_in_the_way(self) -> Sequence[Session] | None:
        """
        @return: L{None} if there may be one more in all; else all, of whom one has to leave
            before.
        """
        if self._total is None or len(self._all) < self._total:
            return None
        everybody = _holding(self._all)
        return everybody if len(everybody) >= self._total else None

    def take(self, session: Session) -> None:
        """Give a place to a session; it's free again when the session ends."""
        name = session.avatar_id
        self._by_id[name] = (*self._by_id.get(name, ()), session)
        self._all[session] = None
        session.on_end(self._at_end)

    def _leave(self, session: Session, _: Reason) -> None:
        del self._all[session]
        name = session.avatar_id
        left = tuple(other for other in self._by_id[name] if other is not session)
        if left:
            self._by_id[name] = left
        else:
            del self._by_id[name]


def _holding(sessions: Iterable[Session]) -> tuple[Session, ...]:
    return tuple(session for session in sessions if session.ended is None)
