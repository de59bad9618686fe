"""
All clients come back at once, as after a restart of the server.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.integration.command_case import CommandTestCase
from tests.integration.crowd import CLIENTS_PER_ACCOUNT
from tests.integration.processes import ROOT, Process

CLIENTS = 2_000
TIMEOUT = 60

PLAYERS = """
from twisted.spread import pb

class Player(pb.Avatar):
    def __init__(self, name):
        self.name = name
"""


def allow_files(process: Process) -> None:
    """
    Let a process open as many files as it needs for the crowd.

    @raise SkipTest: if this machine doesn't allow that.
    """
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    if hard < CLIENTS + 100:
        raise SkipTest(f"a process may open {hard} files here; it takes {CLIENTS + 100}")
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (hard, hard))


class CrowdTests(CommandTestCase):
    async def test_all_of_a_crowd_get_in(self) -> None:
        """
        The server accepts none of them before all are connected, as one that has just started or
        that is busy.
        """
        queue = int(Path("/proc/sys/net/core/somaxconn").read_text())
        if queue < CLIENTS:
            raise SkipTest(f"the kernel lets {queue} connections wait here; it takes {CLIENTS}")
        self.write("players.py", PLAYERS)
        accounts = range(CLIENTS // CLIENTS_PER_ACCOUNT)
        self.write("passwords", "".join(f"player{number}:secret\n" for number in accounts))
        server = await self.serve(
            *("--avatar", "players.Player", "--auth", "file:passwords"),
            *("--limit", str(CLIENTS_PER_ACCOUNT), "--on-full", "replace"),
        )
        allow_files(server.process)
        server.process.signal("STOP")
        command = [sys.executable, "-m", "tests.integration.crowd", server.port, CLIENTS]
        crowd = self.stop_after_test(Process(command, ROOT))
        await crowd.wait_for("all are connected", "out", TIMEOUT)
        server.process.signal("CONT")
        await crowd.wait_for("all are logged in", "out", TIMEOUT)
