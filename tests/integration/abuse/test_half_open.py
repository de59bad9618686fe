"""
A network failure that neither end is told of: the server finds out and closes the connection.
"""

from __future__ import annotations

import sys

from tests.integration.abuse.abuse_case import VERBOSE
from tests.integration.abuse.processes import ServerProcess
from tests.integration.network import Network
from tests.integration.processes import ROOT, Process, ProcessTestCase
from tests.integration.waiting import wait_until

SLACK = 5
"""
Seconds that a loaded machine may need on top of what the server promises.  Without the server's
pings the kernel would need many minutes.
"""


class AccountHolderProcess(Process):
    """
    C{tests.integration.abuse.account_holder}.
    """

    def __init__(self, server: ServerProcess, prefix: list[str]) -> None:
        module = "tests.integration.abuse.account_holder"
        command = [*prefix, sys.executable, "-m", module, server.host, server.port]
        super().__init__(command, ROOT)

    async def log_in(self) -> tuple[int, float]:
        """
        Log in.

        @return: how often the server refused the login, and the seconds until it accepted it.
        """
        self.write(b"log in\n")
        match = await self.wait_for(r"refused (\d+) times, logged in after ([\d.e-]+)\n", "out")
        return int(match[1]), float(match[2])


class HalfOpenTests(ProcessTestCase):
    """
    Alice may have one session.  The link to her client is cut, and a second client logs in.
    """

    async def log_in_after_cut(self, *arguments: str, **limits: float) -> tuple[int, float]:
        """
        Let the first client log in, cut its link, and let the second client log in.

        @param arguments: options of the server.
        @param limits: limits of the server.
        @return: how often the server refused the second client, and the seconds until it
            accepted it.
        """
        network = Network(self)
        server = self.stop_after_test(
            ServerProcess(
                *("--host", network.SERVER_ADDRESS, "--limit", "1", *arguments),
                # The second client tries again without a pause.
                limits={"login_attempts": 10**9, "unauthenticated_bytes": 10**9, **limits},
                prefix=network.command_prefix(network.server),
            )
        )
        await server.wait_until_listening()
        first, second = (
            self.stop_after_test(AccountHolderProcess(server, network.command_prefix(name)))
            for name in (network.client, network.server)
        )
        await first.log_in()
        files = server.open_files()
        network.cut()
        outcome = await second.log_in()
        if VERBOSE:
            print(f"\n{self._testMethodName}: (refusals, seconds) {outcome}", file=sys.stderr)
        # Not only the first client's session ends: the server closes its connection too, which
        # may be later.  The second client's connection takes its place.
        await wait_until(
            server.open_files,
            lambda now: (
                len(now) == len(files) and not any(network.CLIENT_ADDRESS in file for file in now)
            ),
            f"{len(files)} open files, none of them connected to {network.CLIENT_ADDRESS}",
        )
        # Only after its end is the log complete.
        await server.stop()
        self.assertNotIn("Traceback", server.err)
        return outcome

    async def test_a_dead_client_is_found_within_interval_and_timeout(self) -> None:
        refused, seconds = await self.log_in_after_cut(ping_interval=0.5, ping_timeout=1.0)
        self.assertGreater(refused, 0)
        self.assertLess(seconds, 0.5 + 1 + SLACK)

    async def test_ping_oldest_accepts_the_second_client_at_its_first_attempt(self) -> None:
        """With PingOldest(timeout=1) the login takes at most a second."""
        refused, seconds = await self.log_in_after_cut(
            "--policy", "ping", "--seconds", "1", ping_interval=0
        )
        self.assertEqual(refused, 0)
        self.assertLess(seconds, 1 + SLACK)
