"""
Calls a second and CPU time of the server per call, of pbrealm and of others, over loopback.

Each peer is a server and a client in processes of their own.  They take turns, row by row and
round by round, so that a noisy machine is as noisy to all; what's shown is the best of each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.codec.rows import ROWS
from benchmarks.document import put, table
from benchmarks.processes import Worker, machine

BASE = "plain PB"
SECTION = Path(__file__).with_name("section.md")
PEERS = {
    BASE: ("benchmarks.codec.twisted_peers", "twisted"),
    "pbrealm": ("benchmarks.codec.twisted_peers", "pbrealm"),
    "Pyro5": ("benchmarks.codec.blocking_peers", "Pyro5"),
    "foolscap": ("benchmarks.codec.twisted_peers", "foolscap"),
    "RPyC": ("benchmarks.codec.blocking_peers", "rpyc"),
}
MARK = {"RPyC": " [1]"}


@dataclass
class Best:
    """The best of several rounds."""

    rate: float = 0.0
    cpu: float = field(default=float("inf"))

    def take(self, calls: int, seconds: float, cpu: float) -> None:
        self.rate = max(self.rate, calls / seconds)
        self.cpu = min(self.cpu, cpu / calls)


class Peer:
    """A server and its client."""

    def __init__(self, name: str) -> None:
        module = PEERS[name][0]
        self.server = Worker(module, name, "serve")
        self.client = Worker(module, name, "call", self.server.hear())
        self.client.hear()

    def measure(self, row: str, in_flight: int, seconds: float, best: Best) -> None:
        """One round."""
        before = self.server.cpu_seconds()
        result = self.client.ask((row, in_flight, seconds))
        if result is not None:
            # The call that the client begins with to see the answer counts too.
            cpu = (self.server.cpu_seconds() - before) * result[0] / (result[0] + 1)
            best.take(*result, cpu)

    def stop(self) -> None:
        """End both."""
        self.client.stop()
        self.server.stop()


def rows(peers: list[str], results: dict[tuple[str, int], dict[str, Best]]) -> Iterator[list[str]]:
    """The cells of the table."""
    for (row, in_flight), by_peer in results.items():
        cells = [row, str(in_flight)]
        for peer in peers:
            best = by_peer[peer]
            if not best.rate:
                cells.append("-")
                continue
            cell = f"{best.rate:,.0f}/s, {best.cpu * 1e6:,.0f} µs"
            if peer != BASE:
                cell += f", **{best.rate / by_peer[BASE].rate:.2f}**"
            cells.append(cell)
        yield cells


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codec", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="turns of each peer (default 8)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn (default 0.5)")
    parser.add_argument("--peers", default=",".join(PEERS), help="which ones, with commas")
    parser.add_argument("--rows", default="", help="only rows with this in their name")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md, too")
    options = parser.parse_args()
    peers = options.peers.split(",")
    running = {name: Peer(name) for name in peers}
    results: dict[tuple[str, int], dict[str, Best]] = {
        (row, in_flight): {peer: Best() for peer in peers}
        for row, (_, _, most) in ROWS.items()
        if options.rows in row
        for in_flight in (1, most)
    }
    try:
        for _ in range(options.rounds):
            for (row, in_flight), by_peer in results.items():
                for name, peer in running.items():
                    peer.measure(row, in_flight, options.seconds, by_peer[name])
    finally:
        for peer in running.values():
            peer.stop()
    text = SECTION.read_text("utf-8").format(
        machine=machine(),
        versions=", ".join(f"{PEERS[peer][1]} {version(PEERS[peer][1])}" for peer in peers),
        table=table(
            ["", "in flight", *(peer + MARK.get(peer, "") for peer in peers)], rows(peers, results)
        ),
    )
    print(text)
    if options.write:
        put("calls", text)


if __name__ == "__main__":
    main()
