"""
The demonstration that `make demo` runs.

It starts a server with `twistd -n pbrealm --demo --store demo.db`, in a temporary directory, and
plain Perspective Broker clients, each in a process of its own.  The server is killed once, and
started again.  At the end it runs on until Ctrl-C.  With --once as an argument, or DEMO_ONCE=1 in
the environment, the demonstration stops the server.
"""

import signal

# While this program starts, Ctrl-C ends it, without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import react

ADDRESS = "tcp:{port}:interface=127.0.0.1"
CLIENT = Path(__file__).with_name("demo_client.py")
TIMEOUT = 20
"""Seconds to wait for an expected line of output."""

HOW_TO_CONNECT = """
The server is still there, at 127.0.0.1:{port}. To connect, paste this into {python}:

from twisted.cred.credentials import UsernamePassword
from twisted.internet import reactor
from twisted.spread import pb

factory = pb.PBClientFactory()
reactor.connectTCP("127.0.0.1", {port}, factory)
login = factory.login(UsernamePassword(b"alice", b"secret"))
login.addCallback(lambda alice: alice.callRemote("greet"))
login.addBoth(print).addBoth(lambda _: reactor.stop())
reactor.run()

Ctrl-C stops the server. Its log:
"""


class Process(ProcessProtocol):
    """
    A running program, and the lines that it has printed so far.
    """

    interrupted = False
    """Whether the demonstration is over, so that nothing more is printed of any program."""

    def __init__(self, name, arguments, on_line=None, directory=None):
        self.name = name
        self.lines = []
        self.ended = Deferred()
        self.has_ended = False
        self._on_line = on_line or self._print
        self._waiting = []
        self._rest = ""
        arguments = [sys.executable, *arguments]
        self.transport = reactor.spawnProcess(
            self, sys.executable, arguments, env=os.environ, path=directory
        )

    def _print(self, line):
        print(f"  {self.name:<14} {line}", flush=True)

    def childDataReceived(self, _, data):
        if Process.interrupted:
            return
        *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.lines.append(line)
            self._on_line(line)
        self._check_waiting()

    def processEnded(self, reason):
        self.has_ended = True
        if not Process.interrupted:
            self._check_waiting()
        # Later, since the reactor goes through all processes that have ended, and who waits for
        # this may have it stop.
        reactor.callLater(0, self.ended.callback, None)

    def _check_waiting(self):
        for pattern, found in self._waiting[:]:
            matches = (re.search(pattern, line) for line in self.lines)
            match = next((match for match in matches if match), None)
            if match or self.has_ended:
                self._waiting.remove((pattern, found))
                found.callback(match)

    async def wait_for(self, pattern):
        """
        Wait for a line of output; the program may have printed it already.

        @return: the match, or None if the program ends or the timeout passes without one.
        """
        found = Deferred().addTimeout(TIMEOUT, reactor, onTimeoutCancel=lambda *_: None)
        self._waiting.append((pattern, found))
        self._check_waiting()
        return await found

    async def expect(self, pattern):
        """Wait for a line of output, and exit with an error if it doesn't come."""
        match = await self.wait_for(pattern)
        if match is None:
            raise SystemExit(f"{self.name} did not print {pattern!r}:\n{self.output()}")
        return match

    def output(self):
        return "\n".join(self.lines)

    def stop(self, signal="TERM"):
        """
        Send a signal to the process.

        @return: a Deferred that fires when the process has ended.
        """
        try:
            self.transport.signalProcess(signal)
        except ProcessExitedAlready:
            pass
        return self.ended


class Server:
    """
    The server, on its port, or on any free port if that one is in use.

    Its store is in a temporary directory.
    """

    def __init__(self, port):
        self.directory = tempfile.mkdtemp()
        self.process = None
        self.ports = (port, 0)
        self.show_log = False

    async def start(self):
        for port in self.ports:
            twistd = [str(Path(sysconfig.get_path("scripts"), "twistd")), "-n", "--pidfile="]
            options = ["--demo", "--store", "demo.db", "--listen", ADDRESS.format(port=port)]
            print(f"$ twistd -n pbrealm {' '.join(options)}\n", flush=True)
            command = [*twistd, "pbrealm", *options]
            self.process = Process("server", command, self._on_line, self.directory)
            listening = await self.process.wait_for(r"listening on \S+:(\d+)")
            if listening is not None:
                self.port = listening[1]
                self.ports = (self.port,)
                return
            if "already in use" not in self.process.output():
                break
            print(f"Port {port} is taken, so the server uses a free port instead:")
        raise SystemExit(f"the server did not start:\n{self.process.output()}")

    def _on_line(self, line):
        if self.show_log:
            print(line, flush=True)

    async def stop(self):
        """Stop the server, if it was started, and wait until it has stopped."""
        if self.process is not None:
            await self.process.stop()
            print("\nThe server has stopped.", flush=True)
        shutil.rmtree(self.directory)


def interrupt(*_):
    """
    Handle Ctrl-C: stop the server, and print nothing more of the programs.

    Ctrl-C reaches them too, and those that are still starting print a traceback.
    """
    if not Process.interrupted:
        Process.interrupted = True
        reactor.callFromThread(reactor.stop)


async def run_scenes(server, clients):
    def client(name, *account):
        process = Process(name, [str(CLIENT), server.port, *account])
        clients.append(process)
        return process

    print("Alice logs in from two processes. Both get the same avatar:")
    alices = [client("alice (1st)", "alice", "secret")]
    await alices[0].expect("this avatar has 1 client")
    alices.append(client("alice (2nd)", "alice", "secret"))
    await alices[1].expect("this avatar has 2 clients")

    print("\nAlice may have two sessions. A third login is refused, and the error says why:")
    await client("alice (3rd)", "alice", "secret").expect("refused: alice is logged in already")

    print("\nThe avatar has a clock, which calls the minds of both clients:")
    for alice in alices:
        await alice.expect("ticks")

    print("\nBob may have one session. A new login replaces it, and the first client is told:")
    first = client("bob (1st)", "bob", "secret")
    await first.expect("hello bob")
    await client("bob (2nd)", "bob", "secret").expect("hello bob")
    await first.expect("goodbye: replaced")
    await first.expect("closed")

    print("\nGuests log in without a name. Each gets its own avatar:")
    for number in (1, 2):
        await client(f"guest ({number})").expect(rf"hello guest#{number}, .* 1 client$")

    print("\nA login with a wrong password is refused:")
    await client("mallory", "alice", "guess").expect("refused: the name or the password")

    print("\nThe server is killed with SIGKILL, and started again. Alice's count goes on:")
    await server.process.stop("KILL")
    for each in clients:
        await each.ended
    clients.clear()
    await server.start()
    await client("alice (4th)", "alice", "secret").expect("greeting number 3")


async def main(reactor, *arguments):
    parser = argparse.ArgumentParser(description="The demonstration that `make demo` runs.")
    parser.add_argument("--once", action="store_true", help="stop the server at the end")
    parser.add_argument("--port", type=int, default=8787, help="of the server; 0 for any free one")
    options = parser.parse_args(arguments)
    once = options.once or os.environ.get("DEMO_ONCE", "") not in ("", "0")
    server, clients = Server(options.port), []
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(server.stop())
    )
    await server.start()
    await run_scenes(server, clients)
    if once:
        print("\nThe server stops, and tells its clients:")
        await server.process.stop()
        for client in clients:
            await client.ended
        return
    print("\nAll clients leave.")
    for client in clients:
        client.transport.closeStdin()
        await client.ended
    print(HOW_TO_CONNECT.format(port=server.port, python=sys.executable), flush=True)
    server.show_log = True
    await server.process.ended


if __name__ == "__main__":
    # The reactor leaves it in place.
    signal.signal(signal.SIGINT, interrupt)
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
