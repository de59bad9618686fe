"""
What happens at a server: logins, ends, refusals, and what is done by way of the administration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogEvent, globalLogPublisher

from pbrealm._addresses import format_address
from pbrealm._journal import NAMESPACE
from pbrealm._session.session import Session
from pbrealm.admin._rows import age, format_time
from pbrealm.errors import Reason
from pbrealm.realms._mind_tracking import MindTrackingRealm
from pbrealm.realms._presence import Arrival, Departure

Listener: TypeAlias = Callable[[str, Mapping[str, Any]], object]
"""Is called with the name of an event and its data, which is fit for JSON."""

MAX_KICKED: Final = 100
"""How many sessions the event of a kick has."""

_FROM_JOURNAL: Final[Mapping[str, Sequence[str]]] = {
    "refusal": ("avatar_id", "peer", "why", "reason"),
    "contention": ("avatar_id", "peer", "other", "session", "seconds"),
}
"""The fields of each event that comes from there."""


class Feed:
    """
    Tells listeners of events.

    Logins, ends, and clients that are away come from the realm.  Refusals and contentions come
    from the journal, so also those of other servers of the process.
    """

    def __init__(self, realm: MindTrackingRealm[Any], clock: IReactorTime) -> None:
        self._realm = realm
        self._clock = clock
        self._listeners: list[Listener] = []
        self._publisher: Any = globalLogPublisher
        self._unsubscribe: Callable[[], None] | None = None
        self._watched: WeakSet[Session[Any]] = WeakSet()

    def listen(self, listener: Listener) -> None:
        """Have a listener called with each event from now on."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to tell."""
        self._unsubscribe = self._realm.subscribe(self._presence_changed)
        self._publisher.addObserver(self._logged)
        for session in self._realm.sessions():
            self._watch(session)

    def stop(self) -> None:
        """Tell no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._publisher.removeObserver(self._logged)

    def publish(self, name: str, data: Mapping[str, Any]) -> None:
        """Tell the listeners of an event."""
        if self._unsubscribe is None:
            return
        event = {"time": format_time(self._clock.seconds()), **data}
        for listener in self._listeners:
            listener(name, event)

    def kicked(
        self,
        who: str,
        avatar_id: str,
        sessions: Sequence[Session[Any]],
        reason: Reason,
        text: str | None,
    ) -> None:
        """Sessions of an avatar id are being ended by way of the administration."""
        self.publish(
            "kick",
            {
                "avatar_id": avatar_id,
                "sessions": [session.id for session in sessions[:MAX_KICKED]],
                "count": len(sessions),
                "by": who,
                "text": text,
                "why": reason.text,
                "reason": reason.number,
            },
        )

    def _presence_changed(self, event: Arrival | Departure) -> None:
        session = event.session
        if isinstance(event, Arrival):
            self._watch(session)
            self.publish("login", _who(session))
            return
        self.publish(
            "end",
            {
                **_who(session),
                "seconds": round(age(session), 3),
                "why": event.reason.text,
                "reason": event.reason.number,
            },
        )

    def _watch(self, session: Session[Any]) -> None:
        # Those who were in before a stop are watched already.
        if session not in self._watched:
            self._watched.add(session)
            session.on_away(self._away_changed)

    def _away_changed(self, session: Session[Any]) -> None:
        self.publish("away" if session.away else "return", _who(session))

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_namespace") != NAMESPACE:
            return
        fields = _FROM_JOURNAL.get(event["event"])
        if fields is not None:
            data = {field: event[field] for field in fields}
            # The journal has avatar ids escaped and cut.
            session = self._realm.session(event["session"]) if "session" in fields else None
            if session is not None:
                data["avatar_id"] = session.avatar_id
            self.publish(event["event"], data)


def _who(session: Session[Any]) -> dict[str, Any]:
    return {
        "avatar_id": session.avatar_id,
        "peer": format_address(session.peer),
        "session": session.id,
    }
