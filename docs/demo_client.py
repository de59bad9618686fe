"""
One client of the demonstration: plain Perspective Broker, nothing of pbrealm.

    python docs/demo_client.py PORT [NAME PASSWORD]

logs in, anonymously without a name, says what it's told, and leaves when its input ends.
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
    """What the server calls."""

    def __init__(self):
        self.ticks = 0

    def remote_notifyTime(self, time):
        # The first few are enough to tell.
        self.ticks += 1
        if self.ticks <= 2:
            say(f"the server's clock ticks: {time:.1f}")

    def remote_goodbye(self, code, text, reconnect):
        say(f"the server says goodbye: {text} (reason {code})")


class Input(Protocol):
    """Says when there is no more input: whoever started this client has enough of it."""

    def __init__(self):
        self.ended = Deferred()

    def connectionLost(self, reason):
        self.ended.callback(None)


async def talk(reactor, port, name=None, password=""):
    credentials = Anonymous()
    if name is not None:
        credentials = UsernamePassword(name.encode(), password.encode())
    factory = pb.PBClientFactory()
    # A client that is sent away says so in its own words, below.
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
