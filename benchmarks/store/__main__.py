"""
Changes that are saved: calls of a server with a store beside one without; a store beside
C{sqlite3} by hand, and beside ZODB; and memory of a server with many stored users.

The sides take turns, round by round, on the same disk.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twisted.internet import task

from benchmarks.document import put, table
from benchmarks.processes import machine
from benchmarks.rates import Rates
from benchmarks.store.calls import METHODS, measure_calls
from benchmarks.store.changes import measure_changes
from benchmarks.store.memory import KEYS, ONLINE, Memory, measure_memory

SECTION = Path(__file__).with_name("section.md")

CHANGES = {
    "thread": "`sqlite3` by hand, in a thread",
    "sqlite3": "`sqlite3` by hand, while the reactor waits",
    "pbrealm": "`SQLiteStore`",
    "ZODB": "ZODB, FileStorage, while the reactor waits",
}

STORED = 10_000, 100_000


def calls_table(rates: Rates) -> str:
    """The calls with a store, beside those without."""
    rows = []
    for method, words in METHODS.items():
        for in_flight in (1, 200):
            without, stored = (rates.best(side, (method, in_flight)) for side in ("dict", "store"))
            cells = f"{without:,.0f}", f"{stored:,.0f}, **{stored / without:.2f}**"
            rows.append([words, str(in_flight), *cells])
    return table(["the call", "in flight", "a dict", "a `StoredDict`"], rows)


def changes_table(rates: Rates) -> str:
    """The changes of all sides, beside those by hand."""
    rows = []
    for side, words in CHANGES.items():
        cells = (
            f"{rates.middle(side, n):,.0f}, **{rates.ratio(side, 'thread', n):.2f}**"
            for n in (1, 200)
        )
        rows.append([words, *cells])
    return table(["", "one at a time", "200 in flight"], rows)


def memory_table(found: list[Memory]) -> str:
    """Memory, by how many users are stored."""
    rows = [
        [
            f"{memory.stored:,}",
            f"{memory.file / 1e6:,.0f} MB",
            str(memory.states),
            f"{memory.before / 1e6:,.1f} MB",
            f"{memory.after / 1e6:,.1f} MB",
            f"{(memory.after - memory.before) / ONLINE / 1e3:,.1f} KB",
        ]
        for memory in found
    ]
    head = [
        "stored",
        "file",
        "states in memory",
        "before",
        "with 1,000 online",
        "for each of them",
    ]
    return table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side (default 15)")
    parser.add_argument(
        "--seconds", type=float, default=0.3, help="of each turn of calls (default 0.3)"
    )
    parser.add_argument("--directory", help="where the files are, while it runs")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(dir=options.directory)

    async def run(reactor: Any) -> None:
        began = time.monotonic()
        memory = [measure_memory(directory, stored) for stored in STORED]
        calls = measure_calls(directory, options.rounds, options.seconds)
        changes, group = await measure_changes(directory, options.rounds)
        text = SECTION.read_text("utf-8").format(
            machine=machine(),
            versions=", ".join(
                f"{name} {version(name)}" for name in ("pbrealm", "twisted", "ZODB")
            ),
            minutes=(time.monotonic() - began) / 60,
            calls=calls_table(calls),
            changes=changes_table(changes),
            commit=1 / changes.ratio("pbrealm", "thread", 1),
            group=group,
            large_one=changes.ratio("many", "large", 1),
            large_many=changes.ratio("many", "large", 200),
            memory=memory_table(memory),
            keys=KEYS,
        )
        print(text)
        if options.write:
            put("store", text)

    try:
        task.react(run)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
