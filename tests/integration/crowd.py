"""
Many plain Perspective Broker clients at once, in a process of their own.

C{python -m tests.integration.crowd PORT NUMBER} connects to 127.0.0.1, all at the same time.  Two
clients each log in as player0, player1, and so on, with the password "secret".  It prints
C{all are connected} and C{all are logged in}, and stays until a signal ends it.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.internet.interfaces import IConnector
from twisted.python.failure import Failure
from twisted.spread import pb

ADDRESSES = 8
"""How many addresses the clients come from: a server may limit how many come from one."""

CLIENTS_PER_ACCOUNT = 2


class Counter:
    """Prints a line when something has happened so many times."""

    def __init__(self, expected: int, line: str) -> None:
        self._left = expected
        self._line = line

    def add(self) -> None:
        self._left -= 1
        if not self._left:
            print(self._line, flush=True)


class Client(pb.PBClientFactory):
    """A client that logs in and stays."""

    noisy = False

    def __init__(self, number: int, connected: Counter, logged_in: Counter) -> None:
        super().__init__()
        self._connected = connected
        self._logged_in = logged_in
        name = f"player{number // CLIENTS_PER_ACCOUNT}".encode()
        self.login(UsernamePassword(name, b"secret")).addCallbacks(self._in, give_up)

    def buildProtocol(self, addr: object) -> pb.Broker:
        self._connected.add()
        broker: pb.Broker = super().buildProtocol(addr)
        return broker

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        give_up(reason)

    def _in(self, perspective: pb.RemoteReference) -> None:
        # The login lasts for as long as this is kept.
        self.perspective = perspective
        self._logged_in.add()


def give_up(why: Failure) -> None:
    """End the process with an error."""
    print(why.getErrorMessage(), file=sys.stderr, flush=True)
    if reactor.running:
        reactor.stop()


def main() -> None:
    port, number = map(int, sys.argv[1:])
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    connected = Counter(number, "all are connected")
    logged_in = Counter(number, "all are logged in")
    for each in range(number):
        address = f"127.0.0.{2 + each % ADDRESSES}"
        client: Any = Client(each, connected, logged_in)
        reactor.connectTCP("127.0.0.1", port, client, timeout=600, bindAddress=(address, 0))
    reactor.run()


if __name__ == "__main__":
    main()
