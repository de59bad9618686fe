"""
Saving changes: a store beside C{sqlite3} by hand, and beside ZODB.

The sides take turns, round by round, on the same disk.  What is shown is the middle one of the
rounds, and the ratios are those of each round.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from statistics import median
from typing import Any

from twisted.internet import task

from benchmarks.document import put, table
from benchmarks.processes import machine
from benchmarks.store.sides import Pbrealm, Raw, Zodb

ONE, MANY = 30, 4_000
"""How many changes are made in a round, one at a time and 200 in flight."""


async def measure(directory: str, rounds: int) -> tuple[dict[Any, list[float]], float]:
    """
    Measure.

    @return: for each side and number in flight the changes a second of each round, and how many
        changes of 200 in flight went into a commit.
    """
    pbrealm = Pbrealm(directory)
    # As many rows as the other has, in larger states.
    many, large = Pbrealm(directory, 10, 20_000), Pbrealm(directory, 10_000, 20)
    many.name, large.name = "many", "large"
    sides: list[Any] = [pbrealm, Raw(directory), Zodb(directory), many, large]
    for side in sides:
        await side.open()
    rates: dict[Any, list[float]] = {}
    group = 1.0
    try:
        for _ in range(rounds):
            for in_flight, changes in ((1, ONE), (200, MANY)):
                for side in sides:
                    before = pbrealm.commits
                    wanted = 1 if in_flight == 1 else group
                    seconds = await side.change(changes, in_flight, wanted)
                    rates.setdefault((side.name, in_flight), []).append(changes / seconds)
                    if side is pbrealm and in_flight > 1:
                        group = changes / (pbrealm.commits - before)
    finally:
        for side in sides:
            await side.close()
    return rates, group


def text(rates: dict[Any, list[float]], group: float, seconds: float) -> str:
    """What to say of the figures."""

    def ratio(name: str, other: str, in_flight: int) -> str:
        pairs = zip(rates[name, in_flight], rates[other, in_flight], strict=True)
        return f"{median(one / two for one, two in pairs):.2f}"

    def cells(name: str, shown: str) -> list[str]:
        return [
            shown,
            *(f"{median(rates[name, n]):,.0f}, **{ratio(name, 'sqlite3', n)}**" for n in (1, 200)),
        ]

    rows = [
        cells("sqlite3", "`sqlite3` by hand"),
        cells("pbrealm", "`SQLiteStore`"),
        cells("ZODB", "ZODB, FileStorage"),
    ]
    return "\n\n".join(
        [
            "## Changes that are saved",
            "Changes a second of one item, about 60 bytes, in one of 200 states of 10 keys: one "
            "at a time, where each waits until the last is on the disk, and 200 in flight. In "
            "bold: the ratio to `sqlite3` by hand, which writes bytes that were there before. "
            "With 200 in flight, a `SQLiteStore` decides by itself how many it writes together, "
            "here "
            f"{group:.0f}; the others commit as many. The store also encodes the values, and "
            "tells each of the 200 when its change is saved.",
            table(["", "one at a time", "200 in flight"], rows),
            f"A change takes {ratio('many', 'large', 1)} times as long in a state of 10,000 "
            "keys as in one of 10 keys one at a time, and "
            f"{ratio('many', 'large', 200)} times as long with 200 in flight; "
            "the file has 200,000 items either way.",
            f"{machine()}. {seconds:.0f} seconds.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="turns of each side (default 30)")
    parser.add_argument("--directory", help="where the files are, while it runs")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(dir=options.directory)

    async def run(reactor: Any) -> None:
        began = time.monotonic()
        rates, group = await measure(directory, options.rounds)
        written = text(rates, group, time.monotonic() - began)
        print(written)
        if options.write:
            put("store", written)

    try:
        task.react(run)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
