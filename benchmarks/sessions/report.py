"""
What to say of the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.document import table
from benchmarks.plot import Bar
from benchmarks.processes import machine
from benchmarks.sessions.measures import SLOW
from pbrealm import Backlog

TITLE = "Share of what the loop of callRemote takes (1), and the bound (red)"
NAMES = ("howto's loop", "pbrealm's realms, plain PB", "pbrealm's realms and factory")
SIDES = ("howto", "stack", "pbrealm")


@dataclass(frozen=True)
class Call:
    """What is broadcast."""

    what: str
    answers: bool


CALLS = [Call(what, answers) for what in ("small", "dict") for answers in (False, True)]
WORDS = {"small": "a number", "dict": "the dict"}


class Results:
    """The figures of all rounds."""

    def __init__(self) -> None:
        self._values: defaultdict[Hashable, list[float]] = defaultdict(list)

    def add(self, key: Hashable, value: float) -> None:
        self._values[key].append(value)

    def best(self, key: Hashable) -> float:
        """For costs: all that disturbs a machine adds to them."""
        return min(self._values[key])

    def most(self, key: Hashable) -> float:
        """For rates, which it takes from; and where the worst counts."""
        return max(self._values[key])

    def middle(self, key: Hashable) -> float:
        """For what is a matter of chance itself."""
        return median(self._values[key])


def shares(results: Results, sizes: Sequence[int]) -> list[Bar]:
    """The rows of the plot: the dict, to the most."""
    rows = []
    for size in sizes:
        for label, kind, answers, target in (
            ("until the last write", "time", False, 0.1),
            ("CPU time until all is sent", "cpu", False, 1 / 3),
            ("until all answers are in", "time", True, 0.5),
        ):
            key = (kind, size, Call("dict", answers))
            base = results.best((*key, "howto"))
            rows.append(
                Bar(
                    f"dict to {size:,}: {label}",
                    [results.best((*key, side)) / base for side in SIDES[1:]],
                    target if size >= 1000 else None,
                )
            )
    return rows


def text(results: Results, sizes: Sequence[int], slow_of: int, seconds: float) -> str:
    """The section of the document."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("pbrealm", "Twisted"))
    template = Path(__file__).with_name("section.md").read_text("utf-8")
    return template.format(
        machine=machine(),
        versions=versions,
        minutes=seconds / 60,
        today=date.today().isoformat(),
        slow=SLOW,
        slow_of=slow_of,
        others=slow_of - SLOW,
        bound=SLOW * Backlog.hard_bytes // 2**20,
        broadcasts=_broadcasts(results, sizes),
        latencies=_latencies(results, sizes),
        burdens=_burdens(results),
        logins=_logins(results),
    )


def _broadcasts(results: Results, sizes: Sequence[int]) -> str:
    rows = []
    for size in sizes:
        for call in CALLS:
            row = [f"{size:,}", WORDS[call.what], "all answers" if call.answers else "last write"]
            for kind in ("time", "cpu"):
                costs = [results.best((kind, size, call, side)) * 1e6 for side in SIDES]
                cells = [f"{costs[0]:.1f}"]
                cells += [f"{cost:.1f}, **{cost / costs[0]:.2f}**" for cost in costs[1:]]
                if kind == "time" and not call.answers:
                    cells[1] += f" ({results.best((kind, size, call, 'write')) * 1e6:.1f})"
                row += cells
            rows.append(row)
    head = ["clients", "what", "until", *SIDES, *(f"CPU: {side}" for side in SIDES)]
    return table(head, rows)


def _latencies(results: Results, sizes: Sequence[int]) -> str:
    rows = []
    for size in sizes:
        times = [results.middle(("busy", size, side)) * 1e3 for side in SIDES]
        idle = [results.middle(("idle", size, side)) * 1e3 for side in SIDES]
        rows.append(
            [
                f"{size:,}",
                f"{times[0]:.1f} ({idle[0]:.1f})",
                *(
                    f"{time:.1f} ({alone:.1f}), **{time / times[0]:.2f}**"
                    for time, alone in zip(times[1:], idle[1:], strict=True)
                ),
            ]
        )
    return table(["clients", *(f"{side} (with nothing else)" for side in SIDES)], rows)


def _burdens(results: Results) -> str:
    rows = []
    for side in ("howto", "pbrealm"):
        for reading in (True, False):
            p50, p99 = (results.middle((name, reading, side)) * 1e3 for name in ("p50", "p99"))
            before = results.middle(("p99", True, side)) * 1e3
            rows.append(
                [
                    side,
                    "all read" if reading else f"{SLOW} don't",
                    f"{p50:.1f}",
                    f"{p99:.1f}" + ("" if reading else f", **{p99 / before:.2f}**"),
                    f"{results.most(('missing', reading, side)):.0f}",
                    f"{results.most(('growth', reading, side)) / 2**20:.0f} MB",
                ]
            )
    return table(["", "", "half of them", "99 of 100", "never came", "memory"], rows)


def _logins(results: Results) -> str:
    rows = []
    base = [
        results.middle(("memory", "howto")),
        results.most(("logins", "howto")),
        results.best(("login cpu", "howto")),
    ]
    for side in SIDES:
        memory = results.middle(("memory", side))
        rate = results.most(("logins", side))
        cpu = results.best(("login cpu", side))
        ratios = [
            "" if side == "howto" else f", **{value / by:.2f}**"
            for value, by in zip((memory, rate, cpu), base, strict=True)
        ]
        rows.append(
            [
                side,
                f"{memory:,.0f} bytes{ratios[0]}",
                f"{rate:,.0f}/s{ratios[1]}",
                f"{cpu * 1e6:,.0f} µs{ratios[2]}",
            ]
        )
    return table(["", "memory", "logins", "CPU time"], rows)
