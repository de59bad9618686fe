"""
The command C{settings}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pbrealm._admin_command.exit_status import WrongUsage
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.text import counted, one_line


async def settings(run: Invocation) -> None:
    """Show the settings, or change some of them."""
    changes: dict[str, dict[str, Any]] = {}
    for part, name, new in run.options.changes:
        if name in changes.setdefault(part, {}):
            raise WrongUsage(f"{one_line(part)}.{one_line(name)} is there twice")
        changes[part][name] = new
    if changes:
        answer = await run.client.ask("PATCH", "settings", body=changes)
    else:
        answer = await run.client.ask("GET", "settings")
    if run.console.json:
        run.console.document(answer)
        return
    fields = list(_fields(answer))
    if changes:
        changed = {f"{part}.{name}" for part, names in changes.items() for name in names}
        fields = [each for each in fields if each[0] in changed]
    run.console.fields(fields)
    if changes:
        said = [_ended(answer["ended"])] if "sessions" in changes else []
        run.console.line("; ".join([*said, "the changes last until the server restarts"]))


def _ended(number: int | None) -> str:
    if number is None:
        return "the policy has yet to decide which sessions end"
    return f"{counted(number, 'session') if number else 'no session'} ended"


def _fields(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values, as they can be given back."""
    for part, each in answer.items():
        if isinstance(each, dict):
            for name, current in each.items():
                yield f"{part}.{name}", _as_given(current)
        elif each is not None:
            yield part, _as_given(each)


def _as_given(current: Any) -> str:
    match current:
        case None:
            return "null"
        case bool():
            return "true" if current else "false"
        case _:
            return one_line(current)
