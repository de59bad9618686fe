"""
A client of the demonstration.  It is plain Perspective Broker, and doesn't use pbrealm.

    python docs/demo_client.py PORT [NAME PASSWORD]

It logs in, anonymously if no name is given.  It prints what the server tells it, and disconnects
at the end of its standard input.
"""

import sys

from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.internet import stdio
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.spread import pb


def say(line):
    print(line, flush=True)


class Mind(pb.Referenceable):
    """The mind: the object whose methods the server can call."""

    def __init__(self):
        self.ticks = 0

    def remote_notifyTime(self, time):
        # Print only the first two of them.
        self.ticks += 1
        if self.ticks <= 2:
            say(f"the server's clock ticks: {time:.1f}")

    def remote_goodbye(self, code, text, reconnect):
        say(f"the server says goodbye: {text} (reason {code})")


class Input(Protocol):
    """Waits for the end of the standard input: then the demonstration wants this client to end."""

    def __init__(self):
        self.ended = Deferred()

    def connectionLost(self, reason):
        self.ended.callback(None)


async def talk(reactor, port, name=None, password=""):
    credentials = Anonymous()
    if name is not None:
        credentials = UsernamePassword(name.encode(), password.encode())
    factory = pb.PBClientFactory()
    # Without the log lines of the factory: this client prints its own messages.
    factory.noisy = False
    broker = await TCP4ClientEndpoint(reactor, "127.0.0.1", int(port)).connect(factory)
    over = Deferred()
    broker.notifyOnDisconnect(lambda: over.called or over.callback("the connection was closed"))
    try:
        perspective = await factory.login(credentials, Mind())
    except pb.RemoteError as why:
        say(f"login refused: {why}")
        return
    say(await perspective.callRemote("greet"))
    told = Input()
    stdio.StandardIO(told)
    told.ended.addCallback(lambda _: over.called or over.callback("left"))
    say(await over)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(talk(reactor, *sys.argv[1:])))
