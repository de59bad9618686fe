"""
A server of one side: C{python -m benchmarks.sessions.server SIDE}.

It says its port, and does what it's told by lines of C{[command, ...]}.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from benchmarks.codec.rows import PLAYER
from benchmarks.commands import run
from benchmarks.processes import allow_many_files, resident, say
from benchmarks.sessions.realms import SIDES, Sender
from pbrealm._delivery.encoded_call import encode_call

reactor: Any = _reactor

ARGUMENTS: dict[str, tuple[Any, ...]] = {"small": (7,), "dict": (PLAYER,)}
"""What is sent."""

PAGE = bytes(256 * 1024)
"""What fills up a client that doesn't read."""

MOST = 6000
"""Accounts of each kind."""


def names() -> Iterator[str]:
    """All accounts: ordinary ones, and those whose clients are put to some use of their own."""
    ordinary = (f"user{number}" for number in range(MOST))
    return chain(ordinary, (f"slow{number}" for number in range(20)), ("probe0",))


class Server:
    """
    What it can be told to do.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def count(self) -> int:
        """How many clients have logged in."""
        return self._sender.count()

    def cpu(self) -> float:
        """Seconds of CPU time so far."""
        return time.process_time()

    def memory(self) -> int:
        """Bytes, once all garbage is gone."""
        gc.collect()
        return resident()

    async def broadcast(self, what: str, answers: bool, times: int, gap: float) -> list[float]:
        """
        Seconds that each took until the last write was issued, or all answers were in.

        @param gap: seconds to leave after each for the writing itself.
        """
        taken = []
        for _ in range(times):
            start = time.monotonic()
            await self._sender.everybody("update", ARGUMENTS[what], answers)
            taken.append(time.monotonic() - start)
            await deferLater(reactor, gap)
        return taken

    async def write(self, what: str, times: int, gap: float) -> list[float]:
        """
        Seconds that it takes to write to each transport what was encoded before: Twisted's part,
        of which nobody can take less.
        """
        call = encode_call("update", ARGUMENTS[what], {"pbanswer": 0})
        assert call is not None
        taken = []
        for _ in range(times):
            letters = [
                (mind.broker.transport, call.message(mind.broker.newRequestID(), mind.luid))
                for mind in self._sender.minds()
            ]
            start = time.monotonic()
            for transport, letter in letters:
                transport.write(letter)
            taken.append(time.monotonic() - start)
            await deferLater(reactor, gap)
        return taken

    async def notify(self, busy: bool, times: int, gap: float) -> list[float]:
        """
        Seconds from when one client was to be notified to its answer, with nothing else going on
        or just after a broadcast has begun.
        """
        taken = []
        for _ in range(times):
            answered: Deferred[Any] = Deferred()
            due = time.monotonic() + 0.001

            def notify(answered: Deferred[Any] = answered) -> None:
                self._sender.one("probe0", "update", (7,), True).chainDeferred(answered)

            reactor.callLater(0.001, notify)
            if busy:
                self._sender.everybody("update", ARGUMENTS["dict"], False)
            await answered
            taken.append(time.monotonic() - due)
            await deferLater(reactor, gap)
        return taken

    async def burden(self, times: int, gap: float) -> tuple[list[float], int]:
        """
        Broadcast at a steady pace, and between the broadcasts send pages to the C{slow} ones.

        @return: when each broadcast began, and by how many bytes the process has grown at most.
        """
        before = most = self.memory()
        begun = []
        for _ in range(times):
            begun.append(time.monotonic())
            self._sender.everybody("update", ARGUMENTS["dict"], False)
            await deferLater(reactor, gap / 2)
            for number in range(20):
                self._sender.one(f"slow{number}", "page", (PAGE,), False)
            most = max(most, resident())
            await deferLater(reactor, gap / 2)
            most = max(most, resident())
        return begun, most - before


def main(side: str) -> None:
    allow_many_files()
    factory, sender = SIDES[side](names())
    port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
    say(port.getHost().port)
    run(Server(sender))


if __name__ == "__main__":
    main(*sys.argv[1:])
