"""
What it costs a server's calls that there is an administration service.

A server and its client are processes of their own.  The server has an administration in one of
two turns: two servers would differ by more than that costs.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from random import sample
from statistics import median

from benchmarks.admin.latency import measure_latency
from benchmarks.codec.rows import ROWS
from benchmarks.document import put, table
from benchmarks.processes import Worker, machine

SECTION = Path(__file__).with_name("section.md")
NAMES = ("add(5, 3)", "echo of a 5-key dict")


class Turns:
    """
    What came of the turns with the administration, or of those without.
    """

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.cpu: list[float] = []

    def take(self, calls: int, seconds: float, cpu: float) -> None:
        """Add a turn."""
        self.rates.append(calls / seconds)
        self.cpu.append(cpu / calls)

    def __str__(self) -> str:
        return f"{max(self.rates):,.0f}/s, {self.cpu_per_call * 1e6:,.2f} µs"

    @property
    def cpu_per_call(self) -> float:
        """CPU time of the server in the middle of the turns."""
        return median(self.cpu)


def measure(
    server: Worker, client: Worker, row: str, in_flight: int, rounds: int, seconds: float
) -> list[str]:
    """The cells of a row."""
    turns = {False: Turns(), True: Turns()}
    for _ in range(rounds):
        # In any order, so that nothing else on the machine keeps time with them.
        for administrated in sample((False, True), 2):
            before = server.ask(administrated)
            calls, took = client.ask((row, in_flight, seconds))
            turns[administrated].take(calls, took, server.ask(administrated) - before)
    without, measured = turns[False], turns[True]
    rates = zip(measured.rates, without.rates, strict=True)
    ratio = median(mine / theirs for mine, theirs in rates)
    return [
        row,
        str(in_flight),
        str(without),
        str(measured),
        f"{ratio:.3f}",
        f"**{without.cpu_per_call / measured.cpu_per_call:.3f}**",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="turns of each (default 60)")
    parser.add_argument("--seconds", type=float, default=0.25, help="of each turn (default 0.25)")
    parser.add_argument("--turns", type=int, default=12, help="of 3 s for latency (default 12)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    server = Worker("benchmarks.admin.server")
    client = Worker("benchmarks.codec.twisted_peers", "pbrealm", "call", str(server.hear()[0]))
    client.hear()
    try:
        cells = [
            measure(server, client, row, in_flight, options.rounds, options.seconds)
            for row in NAMES
            for in_flight in (1, ROWS[row][2])
        ]
    finally:
        client.stop()
        server.stop()
    latency = measure_latency(options.turns)
    text = SECTION.read_text("utf-8").format(
        machine=machine(),
        versions=f"Twisted {version('twisted')}",
        rounds=options.rounds,
        table=table(["", "in flight", "without", "with", "rates", "CPU time"], cells),
        latency=table(
            ["", "requests a second", "undisturbed", "meanwhile", "99th percentile"], latency
        ),
    )
    print(text)
    if options.write:
        put("admin", text)


if __name__ == "__main__":
    main()
