"""
The scene of an abuse: a server, those who attack it, and a neighbour who wants to be served.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.integration.plain_client import PlainClient

LONG = os.environ.get("PBREALM_ABUSE") == "long"
"""Whether there is time for the longer form."""

ROOT = Path(__file__).resolve().parents[3]
LISTENING = re.compile(r"^listening at ([\d.]+):(\d+)\n", re.MULTILINE)

MB = 1 << 20

PATIENCE = 10
"""Seconds after which a call of the neighbour counts as not served."""


class Process(ProcessProtocol):
    """
    A process under way.

    @ivar ended: fires with its exit status.
    """

    def __init__(self, command):
        self.out = self.err = ""
        self.ended = Deferred()
        # In a directory of its own choice the tests' packages would not be found.
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        reactor.spawnProcess(self, command[0], command, env=environment, path=str(ROOT))

    @property
    def pid(self):
        return self.transport.pid

    def outReceived(self, data):
        self.out += data.decode()

    def errReceived(self, data):
        self.err += data.decode()

    def processEnded(self, reason):
        ended, self.ended = self.ended, None
        ended.callback(reason.value.exitCode)

    async def stop(self):
        """Ask it to end, and after 5 seconds make it; safe to repeat."""
        if self.ended is None:
            return
        ended = self.ended
        self.signal("TERM")
        forced = reactor.callLater(5, self.signal, "KILL")
        await ended
        if forced.active():
            forced.cancel()

    def signal(self, name):
        try:
            self.transport.signalProcess(name)
        except ProcessExitedAlready:
            pass


class Server(Process):
    """
    C{tests.integration.abuse.server}, measured from outside.

    @ivar listening: fires when it does.
    """

    def __init__(self, *arguments, prefix=()):
        self.listening = Deferred()
        super().__init__(
            [*prefix, sys.executable, "-m", "tests.integration.abuse.server", *arguments]
        )

    def outReceived(self, data):
        super().outReceived(data)
        said = LISTENING.search(self.out)
        if said and not self.listening.called:
            self.host, self.port = said[1], int(said[2])
            self.listening.callback(None)

    def processEnded(self, reason):
        if not self.listening.called:
            self.listening.errback(AssertionError(f"it does not listen: {self.out}{self.err}"))
        super().processEnded(reason)

    def memory(self, field="VmRSS"):
        """Bytes that are resident now, or with C{VmHWM} at most since L{forget_the_most}."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    def forget_the_most(self):
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def files(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Attack(Process):
    """
    One of the methods of C{tests/abuse/attacker.py}.

    @ivar outcome: fires with what it prints first.
    """

    def __init__(self, server, name, numbers):
        self.outcome = Deferred()
        self.name = name
        arguments = [f"{key}={json.dumps(value)}" for key, value in numbers.items()]
        program = str(ROOT / "tests" / "integration" / "abuse" / "attacker.py")
        super().__init__(
            [sys.executable, program, name, server.host, str(server.port), *arguments]
        )

    def outReceived(self, data):
        super().outReceived(data)
        if "\n" in self.out and not self.outcome.called:
            self.outcome.callback(json.loads(self.out.partition("\n")[0]))

    def processEnded(self, reason):
        if not self.outcome.called:
            self.outcome.errback(AssertionError(f"{self.name}: {self.err}"))
        super().processEnded(reason)


class Neighbour:
    """
    A plain client at the same address, that calls one call after the other all the time, and
    now and then logs in another user on another connection.

    @ivar calls: how many were answered.
    @ivar logins: how many succeeded.
    @ivar longest: seconds that the slowest took.
    @ivar sociable: whether it goes on logging in that other user.
    """

    def __init__(self, server):
        self._server = server
        self._stopping = False
        self.sociable = True
        self.calls = self.logins = 0
        self.longest = 0.0

    async def come_in(self):
        self.client = await PlainClient.connect(self._server.port)
        self.perspective = await self.client.login("alice")
        await self._log_in_another()

    def begin(self):
        self._done = Deferred.fromCoroutine(self._carry_on())

    async def _carry_on(self):
        while not self._stopping:
            await self._timed(self.perspective.callRemote("greet"))
            self.calls += 1
            if self.sociable and self.calls % 20 == 0:
                await self._log_in_another()
            # Not all the time there is: the server's time is to be the attacker's too.
            await deferLater(reactor, 0.002)

    async def _log_in_another(self):
        other = await self._timed(Deferred.fromCoroutine(PlainClient.connect(self._server.port)))
        perspective = await self._timed(other.login("bob"))
        if await perspective.callRemote("greet") != "hello bob":
            raise AssertionError("bob isn't bob")
        self.logins += 1
        await other.disconnect()

    async def _timed(self, awaited):
        began = reactor.seconds()
        result = await awaited.addTimeout(PATIENCE, reactor)
        self.longest = max(self.longest, reactor.seconds() - began)
        return result

    async def rest(self):
        """Stop calling; raises what has gone wrong meanwhile."""
        self._stopping = True
        await self._done

    async def leave(self):
        await self.client.disconnect()


class AbuseTestCase(TestCase):
    """
    One server for each test, which is to be as it was before once the attackers have gone.
    """

    timeout = 300 if LONG else 60

    async def serve(self, *arguments, **limits):
        """
        Start a server with these limits, and have the neighbour come in.

        What it has and takes from then on is what the attacks are measured against.
        """
        bounds = [f"{name}={number}" for name, number in limits.items()]
        self.server = Server(*arguments, "--limits", *bounds)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.server.stop()))
        await self.server.listening
        self.neighbour = Neighbour(self.server)
        await self.neighbour.come_in()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.neighbour.leave()))
        self.warden_client = await PlainClient.connect(self.server.port)
        self.addCleanup(self.warden_client.disconnect)
        self.warden = await self.warden_client.login("warden")
        # The neighbour's other user has left, and the server has noticed.
        while len(await self.warden.callRemote("sessions")) > 2:
            pass
        self.files = self.server.files()
        self.neighbour.begin()

    async def attack(self, name, times=1, **numbers):
        """
        Have that many attackers attack.

        @return: what each says came of it.
        """
        await self.warden.callRemote("collect")
        self.before = self.server.memory()
        self.server.forget_the_most()
        attacks = [Attack(self.server, name, numbers) for _ in range(times)]
        outcomes = await DeferredList([a.outcome for a in attacks], consumeErrors=True)
        for attack in attacks:
            await attack.stop()
        self.outcomes = [outcome for _, outcome in outcomes]
        for outcome in self.outcomes:
            if isinstance(outcome, Failure):
                outcome.raiseException()
        return self.outcomes

    def growth(self):
        """The most that the server took for the attack, in bytes."""
        growth = self.server.memory("VmHWM") - self.before
        if os.environ.get("PBREALM_ABUSE"):
            longest = self.neighbour.longest * 1000
            print(
                f"\n{self._testMethodName}: grew by {growth / MB:.1f} MB at most; neighbour: "
                f"{self.neighbour.calls} calls, {self.neighbour.logins} logins, longest "
                f"{longest:.0f} ms; {self.outcomes}",
                file=sys.stderr,
            )
        return growth

    async def as_before(self, growth):
        """
        Assert that the neighbour was served all the time, that nothing of the attackers is left,
        and that the server never took more than so many bytes for them.
        """
        calls, logins = self.neighbour.calls, self.neighbour.logins
        await self.neighbour.rest()
        self.assertGreater(calls, 0)
        self.assertGreater(logins, 0)
        # The attackers may be gone before all is read that they have sent.
        while sorted(await self.warden.callRemote("sessions")) != ["alice", "warden"]:
            pass
        while self.server.files() != self.files:
            await self.warden.callRemote("collect")
        newcomer = await PlainClient.connect(self.server.port)
        perspective = await newcomer.login("carol")
        self.assertEqual(await perspective.callRemote("greet"), "hello carol")
        await newcomer.disconnect()
        self.assertLess(self.growth(), growth)
        self.assertNotIn("Traceback", self.server.err)
        self.assertNotIn("Unhandled", self.server.err)


__all__ = ["LONG", "MB", "AbuseTestCase", "Attack", "Process", "Server"]
