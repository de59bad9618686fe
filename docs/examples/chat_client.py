"""
A chat client that comes back by itself: what is typed is said to all clients of alice.

It stays logged in while the server is killed and started again, and says what becomes of its
login.  What is typed meanwhile is said when it is back, if that takes no longer than 30 seconds.

    python docs/examples/multiple.py
    python docs/examples/chat_client.py [ENDPOINT]  (twice, at the same time)
"""

import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import ILoginObserver
from pbrealm.client import LoginService


class Mind(pb.Referenceable):
    def remote_hear(self, speaker, text):
        print(f"{speaker}: {text}", flush=True)


@implementer(ILoginObserver)
class Status:
    """Prints what becomes of the login."""

    def logged_in(self, perspective):
        print("* logged in", flush=True)

    def lost(self, why):
        """What follows says why."""

    def resumed(self):
        print("* back", flush=True)

    def coming_back(self, seconds, why):
        print(f"* {why.sentence}; coming back in {seconds:.1f} seconds", flush=True)

    def stopped(self, why):
        print(f"* stopped: {why.sentence}", flush=True)


class Typed(LineOnlyReceiver):
    """Says each line that is typed."""

    delimiter = b"\n"

    def __init__(self, service):
        self.service = service

    def lineReceived(self, line):
        said = self.service.call("say", line.decode())
        said.addErrback(lambda why: print("* not said:", why.getErrorMessage(), flush=True))


async def main(reactor):
    where = sys.argv[1] if len(sys.argv) > 1 else "tcp:127.0.0.1:8787"
    credentials = UsernamePassword(b"alice", b"secret")
    service = LoginService(where, credentials, Mind(), observer=Status())
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    StandardIO(Typed(service))
    await service.when_stopped()


if __name__ == "__main__":
    react(main)
