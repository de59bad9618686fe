"""
Who is here, since when, and who comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from twisted.logger import Logger

from pbrealm._session.session import Session
from pbrealm.errors import Reason

_log = Logger()


@dataclass(frozen=True)
class Arrival:
    """Somebody has come."""

    session: Session

    first: bool
    """Whether it's the only session of its avatar id."""


@dataclass(frozen=True)
class Departure:
    """Somebody has gone."""

    session: Session

    reason: Reason

    last: bool
    """Whether its avatar id has no session any more."""


@dataclass(frozen=True, slots=True)
class Presence:
    """An avatar id that has sessions, at the time of asking."""

    avatar_id: str

    since: datetime
    """Since when it has had any, without interruption; in UTC."""

    sessions: tuple[Session, ...]
    """Its sessions, oldest first; each knows its C{peer}."""


Subscriber = Callable[[Arrival | Departure], object]
"""What is called with each that comes or goes."""


class PresenceTable:
    """
    A table of sessions, in the order in which they came, by avatar id too.
    """

    def __init__(self) -> None:
        self._all: dict[Session, None] = {}
        self._by_id: dict[str, tuple[Session, ...]] = {}
        # Since when, where the session that came first has gone before others.
        self._since: dict[str, datetime] = {}
        self._subscribers: list[Subscriber] = []
        # Looked up once: each session would have one of its own.
        self._at_end = self._remove

    def add(self, session: Session) -> None:
        """A session is here, until it ends."""
        name = session.avatar_id
        others = self._by_id.get(name, ())
        self._all[session] = None
        self._by_id[name] = (*others, session)
        if self._subscribers:
            self._publish(Arrival(session, not others))
        session.on_end(self._at_end)

    def sessions(self, avatar_id: str | None = None) -> Sequence[Session]:
        """All who are here now, or those of an avatar id."""
        if avatar_id is None:
            return tuple(self._all)
        return self._by_id.get(avatar_id, ())

    def present(self) -> Sequence[Presence]:
        """Each avatar id that is here now, in the order in which they came."""
        return tuple(
            Presence(name, self._since.get(name) or sessions[0].since, sessions)
            for name, sessions in self._by_id.items()
        )

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """
        Have a subscriber called with each that comes or goes from now on.

        @return: call it to stop that.
        """
        self._subscribers.append(subscriber)

        def stop() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return stop

    def _remove(self, session: Session, reason: Reason) -> None:
        name = session.avatar_id
        here = self._by_id[name]
        del self._all[session]
        left = tuple([other for other in here if other is not session])
        if left:
            self._by_id[name] = left
            self._since.setdefault(name, here[0].since)
        else:
            del self._by_id[name]
            self._since.pop(name, None)
        if self._subscribers:
            self._publish(Departure(session, reason, not left))

    def _publish(self, event: Arrival | Departure) -> None:
        for subscriber in self._subscribers[:]:
            try:
                subscriber(event)
            except Exception:
                _log.failure("{subscriber} failed at {event}", subscriber=subscriber, event=event)
