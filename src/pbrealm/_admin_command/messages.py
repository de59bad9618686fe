"""
The commands C{notify} and C{broadcast}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pbrealm._admin_command.client import ANSWER_SECONDS
from pbrealm._admin_command.console import Console
from pbrealm._admin_command.exit_status import NotFound
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.table import Column
from pbrealm._admin_command.text import count, one_line

_OUTCOMES: Final = ("answered", "failed", "gone", "dropped")


async def notify(run: Invocation) -> None:
    """Call a method of the clients of an avatar id."""
    avatar_id = run.options.avatar_id
    report = await _call(run, "notify", {"avatar_id": avatar_id})
    if not any(_counts(report).values()):
        raise NotFound(f"{one_line(avatar_id)} has no session")
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
        return
    counts = _counts(report).items()
    console.line(", ".join(f"{outcome} {count(number)}" for outcome, number in counts))
    # A text is told from what only looks like another value by its quotes.
    answers = [
        [one_line(session), one_line(json.dumps(answer, ensure_ascii=False))]
        for session, answer in report.get("answers", {}).items()
    ]
    failures = [[str(each["session"]), one_line(each["why"])] for each in report["failed"]]
    for heading, rows in (("ANSWER", answers), ("FAILED", failures)):
        if rows:
            console.table((Column("ID", right=True), Column(heading, cut=True)), rows)


def _counts(report: Mapping[str, Any]) -> Mapping[str, int]:
    return {
        outcome: report["failed_count" if outcome == "failed" else outcome]
        for outcome in _OUTCOMES
    }
