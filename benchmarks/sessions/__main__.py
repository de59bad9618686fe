"""
Reaching every client, and letting them in: pbrealm beside what people write by hand.

Each side's server and clients are processes of their own, and the sides take turns, round by
round, so that a noisy machine is as noisy to all.  What's shown of a cost is the best of the
rounds, and of a latency the middle one.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.document import DOCS, put
from benchmarks.plot import bars
from benchmarks.processes import allow_many_files
from benchmarks.sessions import measures, report
from benchmarks.sessions.report import CALLS, Results
from benchmarks.sessions.sides import Side

NAMES = ("howto", "stack", "pbrealm")


def progress(text: str) -> None:
    """For whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def reach(results: Results, sizes: list[int], rounds: int) -> None:
    """Broadcasts to more and more clients, and a notification in their midst."""
    sides = [Side(name) for name in NAMES]
    try:
        for size in sizes:
            progress(f"{size:,} clients")
            for side in sides:
                side.connect(size)
            for _ in range(rounds):
                for call in CALLS:
                    for side in sides:
                        taken, cpu = measures.broadcast(side, call.what, call.answers)
                        results.add(("time", size, call, side.name), taken / size)
                        results.add(("cpu", size, call, side.name), cpu / size)
                    if not call.answers:
                        taken = measures.write(sides[1], call.what)
                        results.add(("time", size, call, "write"), taken / size)
            for _ in range(rounds):
                for side in sides:
                    idle, busy = measures.notify(side)
                    results.add(("idle", size, side.name), idle)
                    results.add(("busy", size, side.name), busy)
    finally:
        for side in sides:
            side.stop()


def burdens(results: Results, size: int, rounds: int, times: int) -> None:
    """The same with some who don't read."""
    sides = [Side(name) for name in NAMES if name != "stack"]
    try:
        for side in sides:
            side.connect(size - measures.SLOW)
        for number in range(rounds):
            progress(f"{measures.SLOW} of {size:,} don't read, round {number + 1}")
            for reading in (True, False):
                for side in sides:
                    found = measures.burden(side, reading, times, 0.25)
                    for name, value in vars(found).items():
                        results.add((name, reading, side.name), value)
    finally:
        for side in sides:
            side.stop()


def memories(results: Results, count: int, rounds: int) -> None:
    """What a connection weighs."""
    for _ in range(rounds):
        for name in NAMES:
            progress(f"memory of {count:,} connections: {name}")
            side = Side(name)
            try:
                results.add(("memory", name), measures.memory(side, count))
            finally:
                side.stop()


def logins(results: Results, rounds: int, seconds: float) -> None:
    """How fast they come in."""
    sides = [Side(name) for name in NAMES]
    try:
        for number in range(rounds):
            progress(f"logins, round {number + 1}")
            # Whoever comes first finds the machine in the state that the last one left it in.
            for side in sides[number % 3 :] + sides[: number % 3]:
                rate, cpu = measures.logins(side, seconds)
                results.add(("logins", side.name), rate)
                results.add(("login cpu", side.name), cpu)
    finally:
        for side in sides:
            side.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--sizes", default="100,1000,5000", help="clients, with commas")
    parser.add_argument("--slow-of", type=int, default=2000, help="clients beside the slow ones")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    allow_many_files()
    sizes = [int(size) for size in options.sizes.split(",")]
    results = Results()
    began = time.monotonic()
    reach(results, sizes, options.rounds)
    burdens(results, options.slow_of, max(1, options.rounds // 2 + 1), 60)
    memories(results, 2000, max(1, options.rounds // 2))
    logins(results, options.rounds * 2, 1.0)
    text = report.text(results, sizes, options.slow_of, time.monotonic() - began)
    print(text)
    if options.write:
        put("sessions", text)
        (DOCS / "benchmarks.svg").write_text(
            bars(report.TITLE, report.NAMES[1:], report.shares(results, sizes)), "utf-8"
        )


if __name__ == "__main__":
    main()
