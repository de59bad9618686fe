"""
Who is here.
"""

from __future__ import annotations

from collections.abc import Sequence

from pbrealm._session import Session
from pbrealm.errors import Reason


class Roster:
    """
    A table of sessions, in the order in which they came, by avatar id too.
    """

    def __init__(self) -> None:
        self._all: dict[Session, None] = {}
        self._by_id: dict[str, tuple[Session, ...]] = {}

    def add(self, session: Session) -> None:
        """A session is here, until it ends."""
        self._all[session] = None
        self._by_id[session.avatar_id] = (*self._by_id.get(session.avatar_id, ()), session)
        session.on_end(self._remove)

    def sessions(self, avatar_id: str | None = None) -> Sequence[Session]:
        """All who are here now, or those of an avatar id."""
        if avatar_id is None:
            return tuple(self._all)
        return self._by_id.get(avatar_id, ())

    def _remove(self, session: Session, _: Reason) -> None:
        del self._all[session]
        left = tuple(s for s in self._by_id[session.avatar_id] if s is not session)
        if left:
            self._by_id[session.avatar_id] = left
        else:
            del self._by_id[session.avatar_id]
