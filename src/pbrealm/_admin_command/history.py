"""
The commands C{ends} and C{events}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pbrealm._admin_command.exit_status import Failed, Unreachable
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.table import Column
from pbrealm._admin_command.text import NOTHING, cut, duration, moment, one_line, value

_COLUMNS: Final = (
    Column("TIME (UTC)"),
    Column("EVENT"),
    Column("ID", right=True),
    Column("AVATAR", cut=True),
    Column("PEER", cut=True),
    Column("LASTED", right=True),
    Column("WHY", cut=True),
)

_DROPPED: Final = "dropped"


async def list_ends(run: Invocation) -> None:
    """List the last ends of sessions and refusals of logins, newest first."""
    options = run.options
    ends = await run.client.pages(
        "ends", {"avatar_id": options.avatar, "reason": options.reason}, options.limit
    )
    if run.console.json:
        run.console.document(ends)
    else:
        run.console.table(_COLUMNS, [_row(each) for each in ends])


def _row(end: Mapping[str, Any]) -> list[str]:
    return [
        moment(end["time"]),
        one_line(end["event"]),
        NOTHING if end["session"] is None else str(end["session"]),
        one_line(end["avatar_id"]),
        one_line(end["peer"]),
        duration(end["seconds"]),
        _why(end),
    ]


def _why(end: Mapping[str, Any]) -> str:
    why, number = one_line(end["why"]), f"{end['reason']})"
    # That of a refusal ends with it.
    return why if why.endswith(f"(reason {number}") else f"{why} ({number}"


async def follow_events(run: Invocation) -> None:
    """Print what happens, until the server ends the stream."""
    console = run.console

    def on_event(name: str, data: Any) -> None:
        if name == _DROPPED:
            raise Failed("the server has dropped this reader, which was too slow")
        if console.json:
            console.document({"event": name, **data})
        else:
            columns, line = console.columns, _line(name, data)
            console.line(line if columns is None else cut(line, columns))

    await run.client.follow(on_event)
    raise Unreachable(f"{run.client.where} has ended the stream")


_IDS: Final = ("session", "other")
"""The keys of sessions' ids, which are written as they are to be typed."""


def _line(name: str, data: Mapping[str, Any]) -> str:
    time = moment(data["time"]) if "time" in data else " " * len("2026-01-01 00:00:00")
    rest = "  ".join(
        f"{key.replace('_', ' ')}: {each if key in _IDS and each else value(each)}"
        for key, each in data.items()
        if key != "time"
    )
    return f"{time}  {one_line(name):10}  {rest}"
