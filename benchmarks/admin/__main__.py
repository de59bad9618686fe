"""
What it costs a server's calls that there is an administration service.

Both servers, and a client for each, are processes of their own, and take turns.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.codec import twisted_peers
from benchmarks.codec.__main__ import Best, Peer
from benchmarks.codec.rows import ROWS
from benchmarks.codec.twisted_peers import ADMINISTRATED
from benchmarks.document import put, table
from benchmarks.processes import machine

PLAIN = "pbrealm"
SECTION = Path(__file__).with_name("section.md")
NAMES = ("add(5, 3)", "echo of a 5-key dict")


def measure(
    peers: dict[str, Peer], row: str, in_flight: int, rounds: int, seconds: float
) -> list[str]:
    """The cells of a row."""
    best = {name: Best() for name in peers}
    ratios = []
    for number in range(rounds):
        rates = {}
        # Each goes first as often as the other.
        for name in sorted(peers, reverse=bool(number % 2)):
            this = Best()
            peers[name].measure(row, in_flight, seconds, this)
            rates[name] = this.rate
            best[name].rate = max(best[name].rate, this.rate)
            best[name].cpu = min(best[name].cpu, this.cpu)
        ratios.append(rates[ADMINISTRATED] / rates[PLAIN])
    figures = [f"{best[name].rate:,.0f}/s, {best[name].cpu * 1e6:,.1f} µs" for name in peers]
    return [row, str(in_flight), *figures, f"**{median(ratios):.3f}**"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="turns of each (default 30)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn (default 0.5)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    peers = {name: Peer(name, twisted_peers.__name__) for name in (PLAIN, ADMINISTRATED)}
    try:
        cells = [
            measure(peers, row, in_flight, options.rounds, options.seconds)
            for row in NAMES
            for in_flight in (1, ROWS[row][2])
        ]
    finally:
        for peer in peers.values():
            peer.stop()
    text = SECTION.read_text("utf-8").format(
        machine=machine(),
        versions=f"Twisted {version('twisted')}",
        rounds=options.rounds,
        table=table(["", "in flight", "without", "with", "ratio"], cells),
    )
    print(text)
    if options.write:
        put("admin", text)


if __name__ == "__main__":
    main()
