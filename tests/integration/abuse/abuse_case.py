"""
The test case of the attacks: a server, clients that attack it, and a client that must be served.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.integration.abuse import figures
from tests.integration.abuse.bystander import Bystander
from tests.integration.abuse.processes import MB, AttackerProcess, ServerProcess
from tests.integration.plain_client import PlainClient
from tests.integration.processes import ProcessTestCase
from tests.integration.waiting import TIMEOUT, wait_until, wait_until_equal

LONG = os.environ.get("PBREALM_ABUSE") == "long"
"""Whether to run the longer form of the tests."""

VERBOSE = bool(os.environ.get("PBREALM_ABUSE"))
"""Whether to print what the attacks took of the server."""

LONGEST_WAIT = 10
"""
Seconds that the bystander may wait for an answer on a loaded machine; alone, it's a part of one.
"""

ATTACK_TIMEOUT = 5 * TIMEOUT if LONG else TIMEOUT
"""Seconds that an attack may take."""


class AbuseTestCase(ProcessTestCase):
    """
    A test that starts one server and attacks it, and checks that nothing of the attack remains.

    @ivar server: the server.
    @ivar bystander: the client that must be served.
    @ivar monitor: the perspective that tells which sessions the server has.
    """

    timeout = 3600 if LONG else 900

    async def serve(self, *arguments: str, second_user: bool = True, **limits: float) -> None:
        """
        Start a server with these limits, and log in the bystander and the monitor.

        @param second_user: whether the bystander logs in a second user during the attack.
        """
        self.server = self.stop_after_test(ServerProcess(*arguments, limits=limits))
        await self.server.wait_until_listening()
        self.bystander = Bystander(self.server.port, second_user)
        await self.bystander.log_in()
        self.addCleanup(self.bystander.client.disconnect)
        monitor_client = await PlainClient.connect(self.server.port)
        self.addCleanup(monitor_client.disconnect)
        self.monitor = await monitor_client.login("monitor")
        # The bystander's second user has disconnected, and the server has yet to notice.
        await wait_until_equal(self.sessions, ["alice", "monitor"])
        self.files_before = len(self.server.open_files())
        self.bystander.start()

    async def sessions(self) -> list[str]:
        """The names of those who are logged in, sorted."""
        return sorted(await self.monitor.callRemote("sessions"))

    async def attack(self, name: str, times: int = 1, **numbers: int) -> list[dict[str, Any]]:
        """
        Run an attack until it is over.

        @param name: the name of the attack.
        @param times: how many processes attack at the same time.
        @param numbers: arguments of the attack.
        @return: the outcome of each.
        """
        await self.monitor.callRemote("collect")
        self.memory_before = self.server.memory()
        self.server.reset_peak_memory()
        self.calls_before = self.bystander.calls
        self.cpu_before = self.server.cpu()
        self.logged_before = len(self.server.err)
        attackers = [
            self.stop_after_test(AttackerProcess(self.server, name, numbers)) for _ in range(times)
        ]
        outcomes = [Deferred.fromCoroutine(a.outcome(ATTACK_TIMEOUT)) for a in attackers]
        self.outcomes: list[dict[str, Any]] = await gatherResults(outcomes, consumeErrors=True)
        for attacker in attackers:
            await attacker.stop()
        # The bystander's share is in it.
        self.cpu_taken = self.server.cpu() - self.cpu_before
        return self.outcomes

    @property
    def log_written(self) -> int:
        """The characters that were logged since the attack began."""
        return len(self.server.err) - self.logged_before

    def peak_growth(self) -> int:
        """The most bytes that the server needed for the attack."""
        growth = self.server.peak_memory() - self.memory_before
        figures.ALL.append(
            figures.Figures(
                self._testMethodName.removeprefix("test_"),
                self.cpu_taken,
                growth / MB,
                self.log_written,
                self.bystander.calls,
                self.bystander.logins,
                self.bystander.longest * 1000,
                ", ".join(map(str, self.outcomes)),
            )
        )
        return growth

    async def check_recovery(
        self, max_growth: int, *, max_log: int | None = None, may_fail: bool = False
    ) -> None:
        """
        Check that the server served the bystander during the attack, that nothing of the attack
        remains, that a new client can log in, and that the server's log has no traceback.

        @param max_growth: the bytes below which the server's memory grew.
        @param max_log: the characters below which its log did; L{None} for any number.
        @param may_fail: whether calls of the attack fail in ways that are logged.
        """
        before = self.calls_before
        await wait_until(
            self.bystander.count_calls, lambda calls: calls > before, f"more than {before} calls"
        )
        await self.bystander.stop()
        self.assertGreater(self.bystander.logins, 0)
        self.assertLess(self.bystander.longest, LONGEST_WAIT)
        # The attackers may have ended before the server has read all that they sent.
        await wait_until_equal(self.sessions, ["alice", "monitor"])
        await wait_until(
            self.open_files_after_collection,
            lambda files: len(files) == self.files_before,
            f"{self.files_before} open files",
        )
        new_client = await PlainClient.connect(self.server.port)
        self.addCleanup(new_client.disconnect)
        perspective = await new_client.login("carol")
        self.assertEqual(await perspective.callRemote("greet"), "hello carol")
        self.assertLess(self.peak_growth(), max_growth)
        # Only after its end is the log complete.
        await self.server.stop()
        if max_log is not None:
            self.assertLess(self.log_written, max_log)
        if not may_fail:
            self.assertNotIn("Traceback", self.server.err)
            self.assertNotIn("Unhandled", self.server.err)

    async def open_files_after_collection(self) -> list[str]:
        """What the server has open after a garbage collection."""
        await self.monitor.callRemote("collect")
        return self.server.open_files()


__all__ = ["LONG", "MB", "VERBOSE", "AbuseTestCase"]
