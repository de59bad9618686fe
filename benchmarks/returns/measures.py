"""
What is measured of clients that come back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from benchmarks.processes import Worker
from benchmarks.rates import Rates

SIDES = {"plain": False, "resumable": True}

WARM_UP = 200
"""Clients that are there before the memory of further ones is measured."""

CROWDS = 2
"""Processes that share the clients that come back."""


def clients(port: int) -> Worker:
    """A process that has no clients yet."""
    worker = Worker("benchmarks.returns.clients", str(port))
    worker.hear()
    return worker


def measure_calls(rounds: int, seconds: float) -> Rates:
    """Calls a second of a plain session and of a resumable one, which take turns."""
    rates = Rates()
    server = Worker("benchmarks.returns.server")
    port = server.hear()
    sides = {name: clients(port) for name in SIDES}
    try:
        for number, (name, resume) in enumerate(SIDES.items()):
            sides[name].ask(("connect", number, 1, resume))
        for number in range(rounds):
            for in_flight in (1, 200):
                # Whoever comes first finds the machine in the state that the last one left it in.
                for name in list(sides)[:: -1 if number % 2 else 1]:
                    count, taken = sides[name].ask(("call", in_flight, seconds))
                    rates.add(name, in_flight, count / taken)
    finally:
        for worker in (*sides.values(), server):
            worker.stop()
    return rates


def measure_memory(count: int, resume: bool) -> float:
    """Bytes of the server for each of so many idle clients."""
    server = Worker("benchmarks.returns.server")
    crowd = clients(server.hear())
    try:
        crowd.ask(("connect", 0, WARM_UP, resume))
        before: int = server.ask(("memory",))
        crowd.ask(("connect", WARM_UP, count, resume))
        after: int = server.ask(("memory",))
    finally:
        crowd.stop()
        server.stop()
    return (after - before) / count


@dataclass(frozen=True)
class Return:
    """
    How a crowd came back.

    @ivar first: seconds until the first client was in.
    @ivar half: until half of them were.
    @ivar last: until all were.
    @ivar pause: the most seconds that the server's reactor was late meanwhile.
    """

    first: float
    half: float
    last: float
    pause: float


def measure_return(count: int, resume: bool) -> Return:
    """
    Have a crowd come back.

    Those whose sessions can be resumed lose their connections.  The server of the others is killed
    and started again at once.
    """
    server = Worker("benchmarks.returns.server")
    port = server.hear()
    crowds = [clients(port) for _ in range(CROWDS)]
    try:
        for at, crowd in enumerate(crowds):
            first = count * at // CROWDS
            crowd.tell(("connect", first, count * (at + 1) // CROWDS - first, resume))
        for crowd in crowds:
            crowd.hear()
        server.ask(("longest_pause",))
        since = time.monotonic()
        if resume:
            server.ask(("cut",))
        else:
            server.stop()
            server = Worker("benchmarks.returns.server", str(port))
        for crowd in crowds:
            crowd.tell(("back", since))
        if not resume:
            server.hear()
        seconds = sorted(one for crowd in crowds for one in crowd.hear())
        sessions, logins = server.ask(("sessions",)), sum(c.ask(("logins",)) for c in crowds)
        if (sessions, logins) != (count, count if resume else 2 * count):
            raise RuntimeError(f"{sessions} sessions and {logins} logins of {count} clients")
        pause = server.ask(("longest_pause",))
    finally:
        for worker in (*crowds, server):
            worker.stop()
    return Return(seconds[0], median(seconds), seconds[-1], pause)
