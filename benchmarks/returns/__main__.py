"""
Clients that come back: what it costs that they can, and how long a crowd of them takes.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.document import put, table
from benchmarks.processes import allow_many_files, machine
from benchmarks.rates import Rates
from benchmarks.returns.measures import (
    CROWDS,
    Return,
    measure_calls,
    measure_memory,
    measure_return,
)

SECTION = Path(__file__).with_name("section.md")

MEMORY = 2_000
"""Clients whose memory is measured."""


def costs_table(rates: Rates, plain: float, resumable: float) -> str:
    """A resumable session beside a plain one."""
    rows = [
        [
            f"calls, {in_flight} in flight",
            f"{rates.best('plain', in_flight):,.0f}/s",
            f"{rates.best('resumable', in_flight):,.0f}/s, "
            f"**{rates.ratio('resumable', 'plain', in_flight):.2f}**",
        ]
        for in_flight in (1, 200)
    ]
    memory = f"{resumable:,.0f} bytes, **{resumable / plain:.2f}**"
    rows.append(["memory of an idle one", f"{plain:,.0f} bytes", memory])
    return table(["", "a plain session", "a resumable one"], rows)


def returns_table(returns: dict[str, Return]) -> str:
    """How the crowds came back."""
    rows = [
        [
            what,
            *(f"{seconds:.1f}" for seconds in (r.first, r.half, r.last)),
            f"{r.pause * 1e3:.0f}",
        ]
        for what, r in returns.items()
    ]
    return table(["", "first", "half", "all", "longest pause"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.returns", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each side (default 10)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn (default 0.5)")
    parser.add_argument("--crowd", type=int, default=5_000, help="clients (default 5000)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    allow_many_files()
    began = time.monotonic()
    rates = measure_calls(options.rounds, options.seconds)
    plain, resumable = (measure_memory(MEMORY, resume) for resume in (False, True))
    returns = {
        "the server was killed": measure_return(options.crowd, False),
        "the connections were cut": measure_return(options.crowd, True),
    }
    text = SECTION.read_text("utf-8").format(
        machine=machine(),
        versions=", ".join(f"{name} {version(name)}" for name in ("pbrealm", "twisted")),
        minutes=(time.monotonic() - began) / 60,
        memory_count=MEMORY,
        costs=costs_table(rates, plain, resumable),
        crowd=options.crowd,
        crowds=CROWDS,
        returns=returns_table(returns),
    )
    print(text)
    if options.write:
        put("returns", text)


if __name__ == "__main__":
    main()
