"""
Sessions as JSON.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Final

from pbrealm._addresses import format_address
from pbrealm._session.session import Session
from pbrealm.admin._schemas import Schema

_NUMBER_OR_NULL: Final = {"type": ["number", "null"]}
_COUNT: Final = {"type": "integer", "minimum": 0}

TIME_SCHEMA: Final[Schema] = {"type": "string", "format": "date-time"}

_STATS: Final = {
    "bytes_received": _COUNT,
    "bytes_sent": _COUNT,
    "calls_received": _COUNT,
    "calls_sent": _COUNT,
    "unanswered": _COUNT,
    "oldest_unanswered_seconds": _NUMBER_OR_NULL,
    "silent_seconds": _NUMBER_OR_NULL,
}

_ROW: Final = {
    "id": {"type": "integer"},
    "avatar_id": {"type": "string"},
    "peer": {"type": "string"},
    "since": TIME_SCHEMA,
    "seconds": {"type": "number"},
    "away": {"type": "boolean"},
    "waiting_bytes": _COUNT,
}


def _object(properties: Schema, nullable: bool = False) -> Schema:
    return {
        "type": ["object", "null"] if nullable else "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


ROW_SCHEMA: Final[Schema] = _object(_ROW)
DETAILS_SCHEMA: Final[Schema] = _object(_ROW | {"stats": _object(_STATS, nullable=True)})


def format_time(seconds: float) -> str:
    """A time of a clock, in UTC, as RFC 3339 has it."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def age(session: Session) -> float:
    """Seconds since the login."""
    return float(session.clock.seconds() - session.since.timestamp())


def session_row(session: Session) -> dict[str, Any]:
    """A session as in a list."""
    stats = session.stats()
    since = session.since.timestamp()
    return {
        "id": session.id,
        "avatar_id": session.avatar_id,
        "peer": format_address(session.peer),
        "since": format_time(since),
        "seconds": round(session.clock.seconds() - since, 3),
        "away": session.away,
        "waiting_bytes": 0 if stats is None else stats.waiting_bytes,
    }


def session_details(session: Session) -> dict[str, Any]:
    """A session with the figures of its connection."""
    stats = session.stats()
    figures = stats and {
        "bytes_received": stats.bytes_received,
        "bytes_sent": stats.bytes_sent,
        "calls_received": stats.calls_received,
        "calls_sent": stats.calls_sent,
        "unanswered": stats.unanswered,
        "oldest_unanswered_seconds": _rounded(stats.oldest_unanswered),
        "silent_seconds": _rounded(stats.silent),
    }
    return {**session_row(session), "stats": figures}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
