"""
A connection that is cut, so that neither end is told: two network namespaces, joined by a cable
that is pulled.
"""

import os
import re
import subprocess
import sys

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.abuse.scene import Process, Server

SLACK = 1
"""Seconds that a loaded machine may take on top of what the server promises."""


class Network:
    """
    A namespace for the server and one for a client, joined by a pair of virtual interfaces.
    """

    HOST = "10.213.7.1"

    def __init__(self, test):
        # Interfaces have names of at most 15 characters.
        self.server = f"pbs{os.getpid()}"
        self.client = f"pbc{os.getpid()}"
        test.addCleanup(self._remove)
        for name in (self.server, self.client):
            self._make("netns", "add", name)
        self._make(
            *("link", "add", self.server, "netns", self.server, "type", "veth"),
            *("peer", "name", self.client, "netns", self.client),
        )
        for name, address in ((self.server, self.HOST), (self.client, "10.213.7.2")):
            self._make("-n", name, "address", "add", f"{address}/24", "dev", name)
            self._make("-n", name, "link", "set", name, "up")
            self._make("-n", name, "link", "set", "lo", "up")

    def pull_the_cable(self):
        """From now on nothing gets through; the server's end isn't told."""
        self._make("-n", self.client, "link", "set", self.client, "down")

    def within(self, name):
        """What to begin a command with that is to run in a namespace."""
        return ["ip", "netns", "exec", name]

    def _make(self, *command):
        try:
            subprocess.run(["ip", *command], check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise SkipTest("there is no program `ip` to make network namespaces with") from None
        except subprocess.CalledProcessError as why:
            raise SkipTest(
                f"network namespaces are not permitted here: {why.stderr.strip()}"
            ) from None

    def _remove(self):
        for name in (self.server, self.client):
            # The interfaces go with it.  One that was never made is no error.
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


class Resident(Process):
    """
    C{tests.integration.abuse.resident}.

    @ivar inside: fires with how often it was refused, and after how many seconds it was in.
    """

    SAID = re.compile(r"^refused (\d+) times, in after ([\d.e-]+)\n")

    def __init__(self, server, prefix):
        self.inside = Deferred()
        super().__init__(
            [
                *prefix,
                *(sys.executable, "-m", "tests.integration.abuse.resident"),
                *(server.host, str(server.port)),
            ]
        )

    def come_in(self):
        self.transport.write(b"go\n")

    def outReceived(self, data):
        super().outReceived(data)
        if (said := self.SAID.match(self.out)) and not self.inside.called:
            self.inside.callback((int(said[1]), float(said[2])))

    def processEnded(self, reason):
        # A test that has failed already doesn't wait for it.
        if not self.inside.called and reason.value.signal is None:
            self.inside.errback(AssertionError(f"it didn't get in: {self.err}"))
        super().processEnded(reason)


class HalfOpenTests(TestCase):
    timeout = 30

    async def cut_off(self, *arguments, **limits):
        """
        Cut off the only client that may be logged in as alice, and have another come in.

        @return: how often that one was refused, and after how many seconds it was in.
        """
        network = Network(self)
        bounds = [f"{name}={number}" for name, number in limits.items()]
        server = Server(
            *("--host", network.HOST, "--limit", "1"),
            *arguments,
            # The newcomer tries again as fast as it can.
            *(
                "--limits",
                "login_attempts=1000000000",
                "unauthenticated_bytes=1000000000",
                *bounds,
            ),
            prefix=network.within(network.server),
        )
        self.end_with_the_test(server)
        await server.listening
        first = Resident(server, network.within(network.client))
        self.end_with_the_test(first)
        second = Resident(server, network.within(network.server))
        self.end_with_the_test(second)
        first.come_in()
        await first.inside
        files = server.files()
        network.pull_the_cable()
        second.come_in()
        outcome = await second.inside
        if os.environ.get("PBREALM_ABUSE"):
            print(f"\n{self._testMethodName}: (refusals, seconds) {outcome}", file=sys.stderr)
        # The other's connection is closed, not only its session over.
        self.assertEqual(server.files(), files)
        self.assertNotIn("Traceback", server.err)
        return outcome

    def end_with_the_test(self, process):
        self.addCleanup(lambda: Deferred.fromCoroutine(process.stop()))

    async def test_found_dead(self) -> None:
        """The place is free within the interval and the time-out."""
        refused, seconds = await self.cut_off(ping_interval=1, ping_timeout=1)
        self.assertGreater(refused, 0)
        self.assertLess(seconds, 1 + 1 + SLACK)

    async def test_found_by_the_policy(self) -> None:
        """With PingOldest(timeout=2) the newcomer gets it within 2 seconds, at its first try."""
        refused, seconds = await self.cut_off(
            "--policy", "ping", "--seconds", "2", ping_interval=0
        )
        self.assertEqual(refused, 0)
        self.assertLess(seconds, 2 + SLACK)
