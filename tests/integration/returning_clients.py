"""
Clients that stay logged in: C{python -m tests.integration.returning_clients PORT NUMBER}.

Each time that all are logged in, it prints a line of JSON: how often clients have come back, by
what had ended their session or made an attempt fail.
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
    Observes all of the clients.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.here = 0
        self.came_back: Counter[str] = Counter()

    def logged_in(self, perspective: Any) -> None:
        self.here += 1
        if self.here == self.number:
            print(json.dumps(self.came_back), flush=True)

    def lost(self, why: LoginEnded) -> None:
        self.here -= 1

    def coming_back(self, seconds: float, why: LoginEnded) -> None:
        self.came_back[why.sentence] += 1

    def resumed(self) -> None:
        pass

    def stopped(self, why: LoginEnded) -> None:
        self.came_back[f"stopped: {why.sentence}"] += 1


def main() -> None:
    port, number = map(int, sys.argv[1:])
    crowd = Crowd(number)
    for index in range(number):
        credentials = UsernamePassword(b"player%d" % index, b"secret")
        LoginService(f"tcp:127.0.0.1:{port}", credentials, observer=crowd).startService()
    reactor.run()


if __name__ == "__main__":
    main()
