"""
What is measured, a round of one side at a time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.sessions.sides import Side

WARM_UP = 100
"""Clients that are there before the memory of further ones is measured."""

SLOW = 20
"""Clients that don't read."""


def _times(side: Side) -> tuple[int, float]:
    # Few clients are told often, with a pause after each time that is enough for the writing.
    return max(1, 1000 // side.connected), max(0.02, side.connected * 100e-6)


def _count(side: Side, times: int, heard: int) -> None:
    if heard != times * side.connected:
        raise RuntimeError(f"{side.name}: {heard} of {times * side.connected} messages came")


def broadcast(side: Side, what: str, answers: bool) -> tuple[float, float]:
    """
    Broadcast to all that are connected.

    @return: seconds until the last write is issued or all answers are in, and CPU seconds of the
        server until all is sent or answered.
    """
    times, gap = _times(side)
    side.each("mark")
    for worker in side.crowds:
        worker.tell(("expect", times))
    before = side.cpu()
    taken = side.server.ask(("broadcast", what, answers, times, gap))
    _count(side, times, sum(worker.hear() for worker in side.crowds))
    return min(taken), (side.cpu() - before) / times


def write(side: Side, what: str) -> float:
    """Seconds for nothing but C{transport.write} of the same bytes."""
    times, gap = _times(side)
    side.each("mark")
    taken: list[float] = side.server.ask(("write", what, times, gap))
    _count(side, times, sum(side.each("expect", times)))
    return min(taken)


def notify(side: Side) -> tuple[float, float]:
    """
    Seconds that one client's answer takes, with nothing else going on and just after a broadcast
    to all others has begun.
    """
    probe = side.connect_special("probe", 1)
    try:
        gap = 0.05 + side.connected * 100e-6
        return (
            median(side.server.ask(("notify", False, 9, 0.01))),
            median(side.server.ask(("notify", True, 5, gap))),
        )
    finally:
        side.dismiss(probe)


@dataclass
class Burden:
    """How those who read fare beside others."""

    p50: float
    p99: float
    missing: int
    """Messages that didn't come."""
    growth: int
    """Bytes of the server's memory at most, above what it had before."""


def burden(side: Side, reading: bool, times: int, gap: float) -> Burden:
    """
    Broadcast at a steady pace while L{SLOW} clients get more than they read, or do read.
    """
    others = side.connect_special("slow", SLOW)
    try:
        side.each("mark")
        if not reading:
            others.ask(("stop_reading",))
        for worker in side.crowds:
            worker.tell(("expect", times))
        begun, growth = side.server.ask(("burden", times, gap))
        heard = sum(worker.hear() for worker in side.crowds)
        latencies = [one for some in side.each("latencies", begun) for one in some]
    finally:
        side.dismiss(others)
    cuts = quantiles(latencies, n=100)
    return Burden(cuts[49], cuts[98], times * side.connected - heard, growth)


def memory(side: Side, count: int) -> float:
    """Bytes of server memory for each of so many clients that log in to a new server."""
    side.connect(WARM_UP)
    before: int = side.server.ask(("memory",))
    side.connect(WARM_UP + count)
    time.sleep(0.2)
    after: int = side.server.ask(("memory",))
    return (after - before) / count


def logins(side: Side, seconds: float) -> tuple[float, float]:
    """
    Logins a second of one plain client that connects, logs in and hangs up over and over; and CPU
    seconds of the server for each of very many at once.
    """
    first, second = side.crowds
    count, taken = first.ask(("one_by_one", 1000, seconds))
    before = side.cpu()
    second.tell(("come_and_go", 1000, 1000, seconds))
    many, _ = first.ask(("come_and_go", 0, 1000, seconds))
    many += second.hear()[0]
    return count / taken, (side.cpu() - before) / many
