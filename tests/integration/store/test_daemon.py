"""
A store that is used while C{twistd} reads a C{.tac} file, before it makes itself a daemon.
"""

import os
import re
import signal
import sysconfig
from pathlib import Path

from twisted.internet import reactor
from twisted.spread import pb

from tests.integration.command_case import CommandTestCase
from tests.integration.plain_client import PlainClient
from tests.integration.waiting import TIMEOUT, wait_until_equal

TAC = """
from twisted.application import service
from twisted.spread import pb

from pbrealm import ServerFactory, ServerService, SharedStateRealm
from pbrealm.store import SQLiteStore
from pbrealm.testing import make_portal


class Player(pb.Avatar):
    def __init__(self, name, state):
        self.state = state

    def perspective_count(self):
        self.state["count"] = self.state.get("count", 0) + 1
        return self.state["count"]


store = SQLiteStore("players.db")
store.{opening}
store.load("alice")
realm = SharedStateRealm(Player, store.load)
factory = ServerFactory(make_portal(realm, {{"alice": "secret"}}))
application = service.Application("players")
ServerService("tcp:0:interface=127.0.0.1", factory).setServiceParent(application)
"""


class DaemonTests(CommandTestCase):
    async def start_daemon(self, opening: str) -> None:
        self.write("players.tac", TAC.format(opening=opening))
        script = Path(sysconfig.get_path("scripts"), "twistd")
        twistd = self.start(script, "--logfile=players.log", "-y", "players.tac")
        self.assertEqual(await twistd.wait(), 0, twistd.output)
        self.pidfile = Path(self.directory, "twistd.pid")
        self.pid = int(self.pidfile.read_text())
        self.addCleanup(self.kill)

    def kill(self) -> None:
        # A daemon that has ended has removed the file.
        if self.pidfile.exists():
            os.kill(self.pid, signal.SIGKILL)

    async def count(self) -> int:
        # The last one, since each daemon adds to the log.
        port = int(re.findall(r"listening on 127\.0\.0\.1:(\d+)", self.log())[-1])
        client = await PlainClient.connect(port)
        self.addCleanup(client.disconnect)
        alice = await client.login().addTimeout(TIMEOUT, reactor)
        answer: int = await alice.callRemote("count").addTimeout(TIMEOUT, reactor)
        return answer

    def log(self) -> str:
        return Path(self.directory, "players.log").read_text("utf-8")

    async def stop_daemon(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        await wait_until_equal(self.pidfile.exists, False)

    async def test_opened_in_a_tac(self) -> None:
        """It works, and what was saved is there for the next one."""
        for expected in (1, 2):
            await self.start_daemon("open()")
            self.assertEqual(await self.count(), expected)
            await self.stop_daemon()
            files = sorted(path.name for path in Path(self.directory).glob("players.db*"))
            self.assertEqual(files, ["players.db"])

    async def test_opened_for_good_in_a_tac(self) -> None:
        """What is open can't be passed on to the daemon: that is said, and nothing hangs."""
        await self.start_daemon("open_blocking()")
        with self.assertRaises(pb.PBConnectionLost):
            await self.count()
        await self.stop_daemon()
        self.assertIn("the store was opened before this process was forked", self.log())
