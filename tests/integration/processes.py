"""
Real servers and plain Perspective Broker clients, for tests where the process is the point.
"""

import os
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.spread import pb
from twisted.trial.unittest import TestCase

ANY_PORT = "tcp:0:interface=127.0.0.1"
PATIENCE = 30
"""Seconds to wait for what must happen."""


class Program(ProcessProtocol):
    """
    A process, what it has written to either output, and how it ended.

    @ivar ended: fires with its exit status, negative for a signal.
    """

    def __init__(self, arguments, directory=None, env=None):
        self.output = ""
        self.ended = Deferred()
        self.status = None
        self._waiting = []
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        arguments = [sys.executable, *map(str, arguments)]
        self.transport = reactor.spawnProcess(
            self, sys.executable, arguments, env=environment, path=directory
        )

    def childDataReceived(self, _, data):
        self.output += data.decode("utf-8", "replace")
        self._look()

    def processEnded(self, reason):
        exit = reason.value
        self.status = exit.exitCode if exit.signal is None else -exit.signal
        self._look()
        self.ended.callback(self.status)

    def _look(self):
        for pattern, found in self._waiting[:]:
            match = re.search(pattern, self.output)
            if match or self.status is not None:
                self._waiting.remove((pattern, found))
                if match:
                    found.callback(match)
                else:
                    found.errback(AssertionError(f"never said {pattern!r}:\n{self.output}"))

    def says(self, pattern):
        """A Deferred that fires with the match, once the output has one."""
        found = Deferred()
        self._waiting.append((pattern, found))
        self._look()
        return found.addTimeout(PATIENCE, reactor)

    def signal(self, name):
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            pass

    def kill(self):
        """End it if it's still there, for cleaning up."""
        if self.status is None:
            self.signal("KILL")
        return self.ended


class Mind(pb.Referenceable):
    """A mind that keeps what it's told."""

    def __init__(self):
        self.goodbyes = []
        self.told = Deferred()

    def remote_goodbye(self, code, text, reconnect):
        self.goodbyes.append((code, text, reconnect))
        self.told.callback(text)

    def remote_notifyTime(self, time):
        pass


class ProcessTestCase(TestCase):
    """
    Tests that start processes in a directory of their own, and leave none behind.
    """

    timeout = 90

    def setUp(self):
        self.perspectives = []
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def write(self, name, text):
        """Put a file into the directory of the test."""
        path = Path(self.directory, name)
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *arguments, env=None):
        """Start Python with these arguments, in the directory of the test."""
        program = Program(arguments, self.directory, env)
        self.addCleanup(program.kill)
        return program

    def command(self, *arguments, command=("twistd", "-n", "--pidfile=")):
        """Start the command, as the script that was installed."""
        script = Path(sysconfig.get_path("scripts"), command[0])
        return self.start(script, *command[1:], "pbrealm", *arguments)

    async def serve(self, *arguments, **kw):
        """Start the command on a free port, and learn which."""
        server = self.command("--listen", ANY_PORT, *arguments, **kw)
        server.port = int((await server.says(r"listening on 127\.0\.0\.1:(\d+)"))[1])
        return server

    async def connect(self, server):
        """A plain client that has connected."""
        factory = pb.PBClientFactory()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", server.port)
        broker = await endpoint.connect(factory)
        lost = factory.lost = Deferred()
        broker.notifyOnDisconnect(lambda: lost.callback(None))

        def leave():
            broker.transport.loseConnection()
            return lost

        self.addCleanup(leave)
        factory.leave = leave
        return factory

    async def log_in(self, server, name=None, password="secret", mind=None):
        """A plain client's perspective, over a connection of its own, held until the end."""
        factory = await self.connect(server)
        credentials = Anonymous()
        if name is not None:
            credentials = UsernamePassword(name.encode(), password.encode())
        perspective = await factory.login(credentials, mind)
        # A reference that nobody holds any more is a logout.
        self.perspectives.append(perspective)
        return perspective

    async def refusal(self, server, *account):
        """What a login that must be refused is refused with."""
        try:
            await self.log_in(server, *account)
        except pb.RemoteError as why:
            return str(why)
        raise self.failureException("the login wasn't refused")
