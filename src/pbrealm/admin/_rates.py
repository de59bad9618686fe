"""
Logins, ends and refusals of the last hour, step by step.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from pbrealm.admin._operations import Call, Operation, Reply, json_reply
from pbrealm.admin._rows import TIME_SCHEMA, format_time
from pbrealm.admin._schemas import Schema

STEP: Final = 10
"""Seconds of a step."""

STEPS: Final = 360

_COUNTS: Final[Schema] = {"type": "array", "items": {"type": "integer", "minimum": 0}}

_RATES: Final[Schema] = {
    "type": "object",
    "properties": {
        "step": {"const": STEP, "description": "Seconds of a step."},
        "times": {
            "type": "array",
            "items": TIME_SCHEMA,
            "maxItems": STEPS,
            "description": "When each step began.  All other arrays are as long.",
        },
        "sessions": {**_COUNTS, "description": "At the end of each step."},
        "logins": {**_COUNTS, "description": "In each step."},
        "refusals": {**_COUNTS, "description": "In each step."},
        "ends": {
            "type": "object",
            "additionalProperties": _COUNTS,
            "description": "In each step, by the reason, of those that there were.",
        },
    },
    "required": ["step", "times", "sessions", "logins", "refusals", "ends"],
    "additionalProperties": False,
}


@dataclass(slots=True)
class _Step:
    number: int
    """Of those since the clock's zero."""

    sessions: int
    """At present, or at its end."""

    logins: int = 0
    refusals: int = 0
    ends: Counter[str] = field(default_factory=Counter)


class Rates:
    """
    Counts what happens in each step, and keeps the steps of an hour.

    Steps end when something happens, or somebody asks: no timer runs for them.
    """

    def __init__(self, count_sessions: Callable[[], int], clock: IReactorTime) -> None:
        """
        @param count_sessions: how many there are.
        """
        self._count_sessions = count_sessions
        self._clock = clock
        self._done: deque[_Step] = deque(maxlen=STEPS)
        self._step = _Step(self._now(), 0)

    def start(self) -> None:
        """Begin to count; what was counted before is forgotten."""
        self._done.clear()
        self._step = _Step(self._now(), self._count_sessions())

    def record(self, name: str, data: Mapping[str, Any]) -> None:
        """Count an event, if it is one of these."""
        self._end_steps()
        step = self._step
        if name == "login":
            step.sessions += 1
            step.logins += 1
        elif name == "end":
            step.sessions -= 1
            step.ends[data["why"]] += 1
        elif name == "refusal":
            step.refusals += 1

    def _now(self) -> int:
        return int(self._clock.seconds() // STEP)

    def _end_steps(self) -> None:
        now, step = self._now(), self._step
        if now <= step.number:
            return
        self._done.append(step)
        for number in range(max(step.number + 1, now - STEPS), now):
            self._done.append(_Step(number, step.sessions))
        self._step = _Step(now, step.sessions)

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/rates",
                "Count sessions, logins, refusals and ends in each step of the last hour.",
                self._list,
                responses={200: ("The steps that are over, oldest first.", _RATES)},
            ),
        )

    def _list(self, call: Call) -> Reply:
        self._end_steps()
        steps = [step for step in self._done if step.number >= self._step.number - STEPS]
        reasons = sorted({reason for step in steps for reason in step.ends})
        return json_reply(
            {
                "step": STEP,
                "times": [format_time(step.number * STEP) for step in steps],
                "sessions": [step.sessions for step in steps],
                "logins": [step.logins for step in steps],
                "refusals": [step.refusals for step in steps],
                "ends": {reason: [step.ends[reason] for step in steps] for reason in reasons},
            }
        )
