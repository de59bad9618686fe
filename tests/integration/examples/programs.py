"""
Running the programs of docs/examples, each as a process of its own.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.spread import pb
from twisted.trial.unittest import TestCase

from tests.integration.plain_client import PlainClient

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"

# The address is the last thing on the line, so the whole line has come when this matches.
LISTENING = re.compile(r"^listening at 127\.0\.0\.1:(\d+)\n", re.MULTILINE)


class Program(ProcessProtocol):
    """
    A program under way.

    @ivar listening: fires with the port that it says it listens at.
    @ivar ended: fires when it has ended.
    """

    def __init__(self, name, endpoint):
        self.out = self.err = ""
        self.status = None
        self.listening = Deferred()
        self.ended = Deferred()
        command = [sys.executable, str(EXAMPLES / f"{name}.py"), endpoint]
        reactor.spawnProcess(self, sys.executable, command, env=dict(os.environ))

    def outReceived(self, data):
        self.out += data.decode()
        said = LISTENING.search(self.out)
        if said and not self.listening.called:
            self.listening.callback(int(said[1]))

    def errReceived(self, data):
        self.err += data.decode()

    def processEnded(self, reason):
        if not self.listening.called:
            self.listening.errback(AssertionError(f"it does not listen: {self.out}{self.err}"))
        self.status = reason.value.exitCode
        self.ended.callback(None)

    async def stop(self):
        """
        Ask it to end, as a terminal or an init system does, and after 5 seconds make it; safe to
        repeat.

        @return: its exit status: a number, or L{None} if it was made to.
        """
        self._signal("TERM")
        forced = reactor.callLater(5, self._signal, "KILL")
        await self.ended
        if forced.active():
            forced.cancel()
        return self.status

    def _signal(self, name):
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            pass


class ProgramTestCase(TestCase):
    """
    A test of one program, which must end well, without a traceback in its log.

    @cvar program: its name.
    @cvar tracebacks: of how many exceptions its log is to tell.
    """

    timeout = 20
    program = ""
    tracebacks = 0

    async def setUp(self):
        self.process = Program(self.program, "tcp:0:interface=127.0.0.1")
        self.addCleanup(self.stop_program)
        self.server_port = await self.process.listening

    async def stop_program(self):
        status = await self.process.stop()
        self.assertEqual((status, self.process.err.count("Traceback")), (0, self.tracebacks))

    async def connect(self):
        client = await PlainClient.connect(self.server_port)
        self.addCleanup(client.leave)
        return client

    async def login(self, name="alice", password="secret", mind=None):
        """A login over a connection of its own; the reference to the perspective."""
        client = await self.connect()
        return await client.login(name, password, mind)

    async def refused(self, awaited, error_type):
        """
        Wait for an error.

        @param error_type: the full name of the class that it must be of at the server.
        @return: its text.
        """
        try:
            answer = await awaited
        except pb.RemoteError as error:
            self.assertEqual(error.remoteType, error_type.encode())
            return str(error)
        raise self.failureException(f"not refused, but answered {answer!r}")
