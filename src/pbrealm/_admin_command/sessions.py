"""
The commands C{sessions}, C{show}, C{avatars} and C{kick}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.table import Column
from pbrealm._admin_command.text import (
    NOTHING,
    count,
    counted,
    duration,
    moment,
    one_line,
    size,
)

COLUMNS: Final = (
    Column("ID", right=True),
    Column("AVATAR", cut=True),
    Column("PEER", cut=True),
    Column("AGE", right=True),
    Column("WAITING", right=True),
    Column("STATE"),
)

_AVATAR_COLUMNS: Final = (
    Column("AVATAR", cut=True),
    Column("SESSIONS", right=True),
    Column("SINCE (UTC)"),
    Column("STATE"),
)


def row(session: Mapping[str, Any]) -> list[str]:
    """A session as a row of a table."""
    return [
        str(session["id"]),
        one_line(session["avatar_id"]),
        one_line(session["peer"]),
        duration(session["seconds"]),
        size(session["waiting_bytes"]),
        _state(session),
    ]


def _state(session_or_avatar: Mapping[str, Any]) -> str:
    return "away" if session_or_avatar["away"] else "here"


async def list_sessions(run: Invocation) -> None:
    """List the sessions that fit the filters."""
    options = run.options
    sessions = await run.client.pages(
        "sessions",
        {
            "avatar_id": options.avatar,
            "peer": options.peer,
            "min_seconds": options.min_seconds,
            "max_seconds": options.max_seconds,
        },
        options.limit,
    )
    if run.console.json:
        run.console.document(sessions)
    else:
        run.console.table(COLUMNS, [row(each) for each in sessions])


async def show_session(run: Invocation) -> None:
    """Show all of a session."""
    session = await run.client.ask("GET", "sessions", str(run.options.id))
    if run.console.json:
        run.console.document(session)
        return
    run.console.fields(details(session))


def details(session: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """A session as names with their values."""
    fields = [
        ("session", str(session["id"])),
        ("avatar id", one_line(session["avatar_id"])),
        ("peer", one_line(session["peer"])),
        ("since", f"{moment(session['since'])} UTC, for {duration(session['seconds'])}"),
        ("state", _state(session)),
        ("waiting", size(session["waiting_bytes"])),
    ]
    stats = session["stats"]
    if stats is not None:
        fields += [
            ("received", _traffic(stats["bytes_received"], stats["calls_received"])),
            ("sent", _traffic(stats["bytes_sent"], stats["calls_sent"])),
            ("unanswered", _unanswered(stats)),
            ("last sign of life", _ago(stats["silent_seconds"])),
        ]
    return fields


def _traffic(number_of_bytes: int, calls: int) -> str:
    return f"{size(number_of_bytes)} in {counted(calls, 'call')}"


def _unanswered(stats: Mapping[str, Any]) -> str:
    calls, oldest = counted(stats["unanswered"], "call"), stats["oldest_unanswered_seconds"]
    return calls if oldest is None else f"{calls}, the oldest for {duration(oldest)}"


def _ago(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{duration(seconds)} ago"


async def list_avatars(run: Invocation) -> None:
    """List the avatar ids that have sessions."""
    avatars = await run.client.pages("avatars", {}, run.options.limit)
    if run.console.json:
        run.console.document(avatars)
    else:
        run.console.table(_AVATAR_COLUMNS, [_avatar_row(each) for each in avatars])


def _avatar_row(avatar: Mapping[str, Any]) -> list[str]:
    return [
        one_line(avatar["avatar_id"]),
        count(avatar["sessions"]),
        moment(avatar["since"]),
        _state(avatar),
    ]


async def kick(run: Invocation) -> None:
    """End a session, or all of an avatar id."""
    options = run.options
    body: dict[str, Any] = {"reconnect": options.reconnect}
    if options.text is not None:
        body["text"] = options.text
    if options.avatar is None:
        answer = await run.client.ask("DELETE", "sessions", str(options.id), body=body)
    else:
        answer = await run.client.ask("POST", "avatars", options.avatar, "kick", body=body)
    if run.console.json:
        run.console.document(answer)
    else:
        run.console.line(f"{counted(answer['ended'], 'session')} ended")
