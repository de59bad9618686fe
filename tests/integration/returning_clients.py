"""
Clients that stay logged in: C{python -m tests.integration.returning_clients PORTS NUMBER}, where a
comma is between two ports.

Each time that all are logged in, it prints a line of JSON: how often clients have come back, by
what had ended their session or made an attempt fail, and the seconds that each was away, in order.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor

from pbrealm.client import LoginService
from pbrealm.errors import LoginEnded


class Crowd:
    """
    All of the clients.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.here = 0
        self.came_back: Counter[str] = Counter()
        self.away: list[float] = []

    def arrived(self) -> None:
        self.here += 1
        if self.here == self.number:
            told = {"came back": self.came_back, "away": sorted(self.away)}
            print(json.dumps(told), flush=True)


class Client:
    """
    Observes one of them.
    """

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.left: float | None = None

    def logged_in(self, perspective: Any) -> None:
        if self.left is not None:
            self.crowd.away.append(round(reactor.seconds() - self.left, 3))
        self.crowd.arrived()

    def lost(self, why: LoginEnded) -> None:
        self.left = reactor.seconds()
        self.crowd.here -= 1

    def coming_back(self, seconds: float, why: LoginEnded) -> None:
        self.crowd.came_back[why.sentence] += 1

    def resumed(self) -> None:
        pass

    def stopped(self, why: LoginEnded) -> None:
        self.crowd.came_back[f"stopped: {why.sentence}"] += 1


def main() -> None:
    ports, number = sys.argv[1].split(","), int(sys.argv[2])
    endpoints = [f"tcp:127.0.0.1:{port}" for port in ports]
    crowd = Crowd(number)
    for index in range(number):
        credentials = UsernamePassword(b"player%d" % index, b"secret")
        LoginService(endpoints, credentials, observer=Client(crowd)).startService()
    reactor.run()


if __name__ == "__main__":
    main()
