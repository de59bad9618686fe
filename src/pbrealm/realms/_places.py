"""
Who is in, and who is in the way of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pbrealm._session import Session
from pbrealm.errors import Reason


class Places:
    """
    A table of the sessions that hold a place, by avatar id and in all.
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
        return self._by_id.get(avatar_id, ())

    def in_the_way(self, avatar_id: str) -> Sequence[Session] | None:
        """
        @return: L{None} if there is room for one more; else those of whom one has to leave
            before there can be, oldest first.
        """
        own = self._by_id.get(avatar_id, ())
        if len(own) >= self._limit(avatar_id):
            return own
        if self._total is not None and len(self._all) >= self._total:
            return tuple(self._all)
        return None

    def take(self, session: Session) -> None:
        """Give a place to a session; it's free again when the session ends."""
        self._by_id[session.avatar_id] = (*self.of(session.avatar_id), session)
        self._all[session] = None
        session.on_end(self._at_end)

    def _leave(self, session: Session, _: Reason) -> None:
        del self._all[session]
        left = tuple(other for other in self.of(session.avatar_id) if other is not session)
        if left:
            self._by_id[session.avatar_id] = left
        else:
            del self._by_id[session.avatar_id]
