"""
A plain client that wants to be alice: C{python -m tests.integration.abuse.resident HOST PORT}.

It logs in when it's told so by a line on its standard input, tries again whenever it's refused,
prints C{refused N times, in after SECONDS}, and stays.
"""

from __future__ import annotations

import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.spread import pb


class Resident(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        Deferred.fromCoroutine(self.come_in()).addErrback(self.give_up)

    def give_up(self, why):
        why.printTraceback()
        reactor.stop()

    async def come_in(self):
        host, port = sys.argv[1:]
        began = reactor.seconds()
        factory = pb.PBClientFactory()
        await TCP4ClientEndpoint(reactor, host, int(port)).connect(factory)
        refused = 0
        while True:
            try:
                login = factory.login(UsernamePassword(b"alice", b"secret"))
                self.perspective = await login
            except pb.RemoteError as why:
                if why.remoteType != b"pbrealm.errors.TooManyConnections":
                    raise
                refused += 1
            else:
                break
        print(f"refused {refused} times, in after {reactor.seconds() - began}", flush=True)


if __name__ == "__main__":
    StandardIO(Resident())
    reactor.run()
