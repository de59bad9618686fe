"""
See pbrealm work: `make demo`.

It starts a server, `twistd -n pbrealm --demo`, and drives it with plain Perspective Broker
clients, each a process of its own. Then it leaves the server running until Ctrl-C; with --once,
or DEMO_ONCE=1 in the environment, it stops it and ends.
"""

import os
import re
import sys
import sysconfig
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import react

ADDRESS = "tcp:{port}:interface=127.0.0.1"
CLIENT = Path(__file__).with_name("demo_client.py")
PATIENCE = 20
"""Seconds to wait for any one thing to happen."""

HOW_TO_CONNECT = """
The server is still there, at 127.0.0.1:{port}. Paste this into {python}:

    from twisted.cred.credentials import UsernamePassword
    from twisted.internet import reactor
    from twisted.spread import pb

    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", {port}, factory)
    login = factory.login(UsernamePassword(b"alice", b"secret"))
    login.addCallback(lambda alice: alice.callRemote("greet"))
    login.addBoth(print).addBoth(lambda _: reactor.stop())
    reactor.run()

Ctrl-C stops it. What it logs:
"""


class Process(ProcessProtocol):
    """
    A program that was started, and the lines that it has said so far.
    """

    def __init__(self, name, arguments, heard=None):
        self.name = name
        self.lines = []
        self.ended = Deferred()
        self.has_ended = False
        self._heard = heard or self._tell
        self._waiting = []
        self._rest = ""
        arguments = [sys.executable, *arguments]
        self.transport = reactor.spawnProcess(self, sys.executable, arguments, env=os.environ)

    def _tell(self, line):
        print(f"  {self.name:<14} {line}", flush=True)

    def childDataReceived(self, _, data):
        *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.lines.append(line)
            self._heard(line)
        self._look()

    def processEnded(self, reason):
        self.has_ended = True
        self._look()
        self.ended.callback(None)

    def _look(self):
        for pattern, found in self._waiting[:]:
            matches = (re.search(pattern, line) for line in self.lines)
            match = next((match for match in matches if match), None)
            if match or self.has_ended:
                self._waiting.remove((pattern, found))
                found.callback(match)

    async def says(self, pattern):
        """
        Wait for a line, which may have been said already.

        @return: the match, or None if the program has ended, or let us wait, without saying so.
        """
        found = Deferred().addTimeout(PATIENCE, reactor, onTimeoutCancel=lambda *_: None)
        self._waiting.append((pattern, found))
        self._look()
        return await found

    async def must_say(self, pattern):
        """Wait for a line without which there is no story to tell."""
        match = await self.says(pattern)
        if match is None:
            raise SystemExit(f"{self.name} never said {pattern!r}:\n{self.all()}")
        return match

    def all(self):
        return "\n".join(self.lines)

    def stop(self):
        """
        Have it end.

        @return: a Deferred that fires when it has.
        """
        try:
            self.transport.signalProcess("TERM")
        except ProcessExitedAlready:
            pass
        return self.ended


class Server:
    """
    The server, on its own port or, where that is taken, on a free one.
    """

    def __init__(self):
        self.show = False

    async def start(self):
        for port in (8787, 0):
            twistd = [str(Path(sysconfig.get_path("scripts"), "twistd")), "-n", "--pidfile="]
            options = ["--demo", "--listen", ADDRESS.format(port=port)]
            print(f"$ twistd -n pbrealm {' '.join(options)}\n", flush=True)
            self.process = Process("server", [*twistd, "pbrealm", *options], self._heard)
            listening = await self.process.says(r"listening on \S+:(\d+)")
            if listening is not None:
                self.port = listening[1]
                return
            if "already in use" not in self.process.all():
                break
            print(f"Port {port} is taken, so on a free one instead:")
        raise SystemExit(f"the server does not start:\n{self.process.all()}")

    def _heard(self, line):
        if self.show:
            print(line, flush=True)


async def story(server, clients):
    def client(name, *account):
        process = Process(name, [str(CLIENT), server.port, *account])
        clients.append(process)
        return process

    print("Alice logs in twice, from two processes, and gets one avatar:")
    alices = [client("alice (1st)", "alice", "secret")]
    await alices[0].must_say("this avatar has 1 client")
    alices.append(client("alice (2nd)", "alice", "secret"))
    await alices[1].must_say("this avatar has 2 clients")

    print("\nTwo is all she may have, so a third login is refused, and says who is in:")
    await client("alice (3rd)", "alice", "secret").must_say("refused: alice is logged in already")

    print("\nThe avatar's clock ticks into the minds of both:")
    for alice in alices:
        await alice.must_say("ticks")

    print("\nBob may be in once, and the newest wins: the first is told, then closed:")
    first = client("bob (1st)", "bob", "secret")
    await first.must_say("hello bob")
    await client("bob (2nd)", "bob", "secret").must_say("hello bob")
    await first.must_say("goodbye: replaced")
    await first.must_say("closed")

    print("\nGuests need no name, and each gets an avatar of its own:")
    for number in (1, 2):
        await client(f"guest ({number})").must_say(rf"hello guest#{number}, .* 1 client$")

    print("\nA wrong password gets nobody in:")
    await client("mallory", "alice", "guess").must_say("refused: the name or the password")


async def main(reactor, *arguments):
    once = "--once" in arguments or os.environ.get("DEMO_ONCE", "") not in ("", "0")
    server, clients = Server(), []
    await server.start()
    # Also when this is interrupted: nobody would find the server afterwards.
    reactor.addSystemEventTrigger("before", "shutdown", server.process.stop)
    await story(server, clients)
    if once:
        print("\nThe server is told to stop, and says goodbye to those who are in:")
        await server.process.stop()
        for client in clients:
            await client.ended
        return
    print("\nThey all leave.")
    for client in clients:
        client.transport.closeStdin()
        await client.ended
    print(HOW_TO_CONNECT.format(port=server.port, python=sys.executable), flush=True)
    server.show = True
    await server.process.ended
    print("The server has stopped.")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
