"""
Calls of a server with a store, and of one without, over sockets.
"""

from __future__ import annotations

import os

from benchmarks.processes import Worker
from benchmarks.rates import Rates

METHODS = {
    "change": "sets an item",
    "look": "reads an item",
    "add": "leaves the state alone",
}


class Side:
    """
    A server and its client, in processes of their own.
    """

    def __init__(self, name: str, *path: str) -> None:
        self.name = name
        self.server = Worker("benchmarks.store.server", *path)
        self.client = Worker("benchmarks.store.client", str(self.server.hear()))
        self.client.ask(("log_in",))
        # So that every key is there.
        self.rate("change", 200, 1)

    def rate(self, method: str, in_flight: int, seconds: float) -> float:
        """How many calls a second are answered."""
        calls, taken = self.client.ask(("call", method, in_flight, seconds))
        rate: float = calls / taken
        return rate

    def stop(self) -> None:
        """End both."""
        self.client.stop()
        self.server.stop()


def measure_calls(directory: str, rounds: int, seconds: float) -> Rates:
    """
    Measure.

    @param seconds: of each turn.
    @return: the calls a second of each side, by method and how many are in flight.
    """
    rates = Rates()
    sides = [Side("dict"), Side("store", os.path.join(directory, "calls.db"))]
    try:
        for _ in range(rounds):
            for method in METHODS:
                for in_flight in (1, 200):
                    for side in sides:
                        rate = side.rate(method, in_flight, seconds)
                        rates.add(side.name, (method, in_flight), rate)
    finally:
        for side in sides:
            side.stop()
    return rates
