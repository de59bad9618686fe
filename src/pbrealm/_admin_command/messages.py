"""
The commands C{notify} and C{broadcast}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pbrealm._admin_command.client import ANSWER_SECONDS
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


async def broadcast(run: Invocation) -> None:
    """Call a method of all clients."""
    await _call(run, "broadcast", {})


async def _call(run: Invocation, operation: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    options, console = run.options, run.console
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
    if console.json:
        console.document(report)
        return report
    counts = _counts(report).items()
    console.line(", ".join(f"{outcome} {count(number)}" for outcome, number in counts))
    answers: Mapping[str, Any] = report.get("answers", {})
    if answers:
        # A text is told from what only looks like another value by its quotes.
        rows = [[one_line(id), one_line(_as_json(each))] for id, each in answers.items()]
        console.table((Column("ID", right=True), Column("ANSWER", cut=True)), rows)
    if report["failed"]:
        rows = [[str(each["session"]), one_line(each["why"])] for each in report["failed"]]
        console.table((Column("ID", right=True), Column("FAILED", cut=True)), rows)
    return report


def _counts(report: Mapping[str, Any]) -> Mapping[str, int]:
    return {
        outcome: report["failed_count" if outcome == "failed" else outcome]
        for outcome in _OUTCOMES
    }


def _as_json(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False)
