"""
Presence: which sessions are open, since when, and who comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from twisted.python.failure import Failure

from pbrealm._session.session import Session
from pbrealm.errors import Reason


@dataclass(frozen=True)
class Arrival:
    """A session has opened."""

    session: Session

    first: bool
    """Whether it is the only session of its avatar id."""


@dataclass(frozen=True)
class Departure:
    """A session has ended."""

    session: Session

    reason: Reason

    last: bool
    """Whether its avatar id has no session any more."""


@dataclass(frozen=True, slots=True)
class Presence:
    """An avatar id that has sessions, as of the time of asking."""

    avatar_id: str

    since: datetime
    """Since when it has had any, without interruption; in UTC."""

    sessions: tuple[Session, ...]
    """Its sessions, oldest first."""

    @property
    def away(self) -> bool:
        """Whether the clients of all its sessions have lost their connection at present."""
        return all(session.away for session in self.sessions)


Subscriber = Callable[[Arrival | Departure], object]
"""What is called with each event."""


class PresenceTable:
    """
    A table of the sessions that are open, in the order in which they opened, and by avatar id.
    """

    def __init__(self) -> None:
        self._all: dict[int, Session] = {}
        # Nothing is copied when a session comes or goes, since an avatar id may have very many.
        self._by_id: dict[str, dict[Session, None]] = {}
        # Since when, for avatar ids whose first session has ended before others.
        self._since: dict[str, datetime] = {}
        self._subscribers: list[Subscriber] = []
        # One bound method for all sessions, instead of one for each.
        self._at_end = self._remove

    def add(self, session: Session) -> None:
        """A session opens; it is in the table until it ends."""
        avatar_id = session.avatar_id
        here = self._by_id.setdefault(avatar_id, {})
        self._all[session.id] = session
        here[session] = None
        if self._subscribers:
            self._publish(Arrival(session, len(here) == 1))
        session.on_end(self._at_end)

    def sessions(self, avatar_id: str | None = None) -> Sequence[Session]:
        """All sessions, or those of an avatar id."""
        if avatar_id is None:
            return tuple(self._all.values())
        return tuple(self._by_id.get(avatar_id, ()))

    def session(self, number: int) -> Session | None:
        """That of an id; L{None} if it isn't open."""
        return self._all.get(number)

    def present(self) -> Sequence[Presence]:
        """The avatar ids that have sessions, in the order in which they came."""
        return tuple(self._presence(avatar_id, here) for avatar_id, here in self._by_id.items())

    def presence(self, avatar_id: str) -> Presence | None:
        """That of one avatar id; L{None} if it has no session."""
        here = self._by_id.get(avatar_id)
        return None if here is None else self._presence(avatar_id, here)

    def _presence(self, avatar_id: str, here: dict[Session, None]) -> Presence:
        since = self._since.get(avatar_id) or next(iter(here)).since
        return Presence(avatar_id, since, tuple(here))

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """
        Have a subscriber called with each event from now on.

        @return: undoes that.
        """
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def _remove(self, session: Session, reason: Reason) -> None:
        avatar_id = session.avatar_id
        here = self._by_id[avatar_id]
        if avatar_id not in self._since:
            self._since[avatar_id] = next(iter(here)).since
        del self._all[session.id]
        del here[session]
        if not here:
            del self._by_id[avatar_id]
            self._since.pop(avatar_id, None)
        if self._subscribers:
            self._publish(Departure(session, reason, not here))

    def _publish(self, event: Arrival | Departure) -> None:
        for subscriber in self._subscribers[:]:
            try:
                subscriber(event)
            except BaseException:
                what = f"{subscriber} failed at its {type(event).__name__}"
                event.session.log_failure(what, Failure())
