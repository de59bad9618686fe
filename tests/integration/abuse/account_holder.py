"""
A plain client that logs in as alice and stays.

C{python -m tests.integration.abuse.account_holder HOST PORT} connects and logs in when it reads a
line from its standard input.  It tries again whenever the server refuses the login because alice
has too many connections.  Then it prints C{refused N times, logged in after SECONDS}.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from twisted.spread import pb

from tests.integration.plain_client import PlainClient


class AccountHolder(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        Deferred.fromCoroutine(self.log_in()).addErrback(self.fail)

    def fail(self, why: Failure) -> None:
        why.printTraceback()
        reactor.stop()

    async def log_in(self) -> None:
        host, port = sys.argv[1:]
        began = reactor.seconds()
        client = await PlainClient.connect(int(port), host)
        refused = 0
        while True:
            try:
                self.perspective = await client.login("alice")
            except pb.RemoteError as why:
                if why.remoteType != b"pbrealm.errors.TooManyConnections":
                    raise
                refused += 1
                # The server bounds the rate of logins.
                await deferLater(reactor, 0.1)
            else:
                break
        seconds = reactor.seconds() - began
        print(f"refused {refused} times, logged in after {seconds}", flush=True)


if __name__ == "__main__":
    StandardIO(AccountHolder())
    reactor.run()
