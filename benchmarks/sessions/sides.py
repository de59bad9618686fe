"""
A server of one side with its clients, each in processes of their own.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.processes import Worker

CLIENTS = "benchmarks.sessions.clients"


class Side:
    """
    A server, two processes that share the ordinary clients, and one of its own for those that a
    measurement has another use for, so that what the many do there doesn't delay it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.server = Worker("benchmarks.sessions.server", name)
        self._port = self.server.hear()
        self.crowds = [self.clients(), self.clients()]
        self.connected = 0
        self._special: list[Worker] = []

    def clients(self) -> Worker:
        """One more process that has no clients yet."""
        worker = Worker(CLIENTS, str(self._port))
        worker.hear()
        return worker

    def connect(self, count: int) -> None:
        """Have that many ordinary clients logged in."""
        halves = len(self.crowds)
        for worker, more in zip(self.crowds, _split(count - self.connected, halves), strict=True):
            worker.tell(("connect", "user", self.connected, more))
            self.connected += more
        for worker in self.crowds:
            worker.hear()

    def connect_special(self, kind: str, count: int) -> Worker:
        """Log in clients of a kind of their own, in a process of their own."""
        worker = self.clients()
        self._special.append(worker)
        worker.ask(("connect", kind, 0, count))
        return worker

    def dismiss(self, worker: Worker) -> None:
        """End such a process, and wait until the server has noticed."""
        self._special.remove(worker)
        worker.stop()
        while self.server.ask(("count",)) > self.connected:
            time.sleep(0.05)

    def cpu(self) -> float:
        """Seconds of CPU time that the server has taken."""
        seconds: float = self.server.ask(("cpu",))
        return seconds

    def each(self, *command: Any) -> list[Any]:
        """What the processes of the ordinary clients answer."""
        for worker in self.crowds:
            worker.tell(command)
        return [worker.hear() for worker in self.crowds]

    def stop(self) -> None:
        """End all of them."""
        for worker in (*self._special, *self.crowds, self.server):
            worker.stop()


def _split(count: int, parts: int) -> list[int]:
    return [(count + at) // parts for at in range(parts)]
