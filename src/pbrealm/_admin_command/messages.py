"""
The commands C{notify} and C{broadcast}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pbrealm._admin_command.client import ANSWER_SECONDS
from pbrealm._admin_command.console import Console
from pbrealm._admin_command.exit_status import Failed, NotFound
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.table import Column
from pbrealm._admin_command.text import count, counted, one_line

_OUTCOMES: Final = ("answered", "failed", "gone", "dropped")


async def notify(run: Invocation) -> None:
    """Call a method of the clients of an avatar id."""
    avatar_id = run.options.avatar_id
    report = await _call(run, "notify", {"avatar_id": avatar_id})
    if not any(_counts(report).values()):
        raise NotFound(f'there is no session of "{one_line(avatar_id)}"')
    _show(report, run.console)


async def broadcast(run: Invocation) -> None:
    """Call a method of all clients."""
    _show(await _call(run, "broadcast", {}), run.console)


async def _call(run: Invocation, operation: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    options = run.options
    report: Mapping[str, Any] = await run.client.ask(
        "POST",
        operation,
        body={
            **body,
            "method": options.method,
            "args": options.arguments,
            "kwargs": dict(options.keyword),
            "timeout": options.timeout,
        },
        seconds=options.timeout + ANSWER_SECONDS,
    )
    return report


def _show(report: Mapping[str, Any], console: Console) -> None:
    if console.json:
        console.document(report)
    else:
        _show_tables(report, console)
    if report["failed"] and not report["answered"]:
        raise Failed("no client has answered")


def _show_tables(report: Mapping[str, Any], console: Console) -> None:
    counts = _counts(report).items()
    console.line(", ".join(f"{outcome} {count(number)}" for outcome, number in counts))
    # A text is told from what only looks like another value by its quotes.
    answers = [
        [one_line(session), one_line(json.dumps(answer, ensure_ascii=False))]
        for session, answer in report.get("answers", {}).items()
    ]
    failures = _failures(report["failed"])
    for heading, rows in (("ANSWER", answers), ("FAILED", failures)):
        if rows:
            console.table((Column("ID", right=True), Column(heading, cut=True)), rows)


def _failures(failed: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The first session of each failure, with how many others have the same."""
    sessions: dict[str, list[int]] = {}
    for each in failed:
        sessions.setdefault(each["why"], []).append(each["session"])
    return [
        [str(first), one_line(why) + (f" (and {counted(len(others), 'other')})" if others else "")]
        for why, (first, *others) in sessions.items()
    ]


def _counts(report: Mapping[str, Any]) -> Mapping[str, int]:
    return {
        outcome: report["failed_count" if outcome == "failed" else outcome]
        for outcome in _OUTCOMES
    }
