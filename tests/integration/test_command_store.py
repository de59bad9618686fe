"""
The command with a store, killed and stopped, and with files that it can't use.
"""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pbrealm.store import SQLiteStore
from tests.integration.command_case import TWISTD, CommandTestCase, Server
from tests.integration.plain_client import Mind
from tests.integration.processes import ANY_PORT
from tests.integration.waiting import wait_until_equal

APP = """
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import IClientAware

@implementer(IClientAware)
class Player(pb.Avatar):
    def __init__(self, name, state):
        self.state = state

    def attached(self, session):
        pass

    async def detached(self, session, reason):
        await deferLater(reactor, 0.2)
        self.state["left"] = reason.text

    def perspective_earn(self, gold):
        self.state["gold"] = self.state.get("gold", 0) + gold
        return self.state["gold"]
"""

TWIST = ("twist", "--log-format=text")
SHARED = ("--avatar", "myapp.Player", "--realm", "shared", "--auth", "memory:alice:secret")
STORED = (*SHARED, "--store", "players.db")


class StoreTestCase(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("myapp.py", APP)
        self.path = Path(self.directory, "players.db")

    async def saved(self) -> dict[Any, Any]:
        """What the file has of alice."""
        store = SQLiteStore(self.path)
        try:
            return dict(await store.load("alice"))
        finally:
            await store.close()


class ServingTests(StoreTestCase):
    async def earn(self, server: Server, gold: int) -> int:
        answer: int = await (await self.log_in(server, "alice")).callRemote("earn", gold)
        return answer

    async def test_what_was_answered_survives_a_kill(self) -> None:
        for command, expected in ((TWISTD, 5), (TWIST, 10), (TWISTD, 15)):
            server = await self.serve(*STORED, command=command)
            self.assertEqual(await self.earn(server, 5), expected)
            server.process.signal("KILL")
            self.assertEqual(await server.process.wait(), -signal.SIGKILL)

    async def test_stopping_saves_what_avatars_change_as_they_detach(self) -> None:
        """The file is closed, so there is no log beside it."""
        for command, gold in ((TWISTD, 5), (TWIST, 10)):
            server = await self.serve(*STORED, command=command)
            mind = Mind()
            alice = await self.log_in(server, "alice", mind=mind)
            await alice.callRemote("earn", 5)
            server.process.signal("TERM")
            self.assertEqual(await server.process.wait(), -signal.SIGTERM)
            self.assertNotIn("Traceback", server.process.output)
            self.assertEqual(list(self.path.parent.glob("players.db*")), [self.path])
            self.assertEqual(await self.saved(), {"gold": gold, "left": "shutting down"})

    async def test_a_daemon_has_the_file_open(self) -> None:
        """It is made a daemon before the file is opened, and changes to its directory."""
        Path(self.directory, "run").mkdir()
        endpoint = f"unix:{self.directory}/socket"
        daemon = self.command(
            *(*STORED, "--listen", endpoint), command=("twistd", "--rundir", "run")
        )
        self.assertEqual(await daemon.wait(), 0, daemon.output)
        pidfile = Path(self.directory, "twistd.pid")
        pid = int(pidfile.read_text())

        def leave_none() -> None:
            # It removes the file when it ends.
            if pidfile.exists():
                os.kill(pid, signal.SIGKILL)

        self.addCleanup(leave_none)
        try:
            second = self.command(*STORED, "--listen", ANY_PORT)
            self.assertEqual(await second.wait(), 1, second.output)
            self.assertIn("is in use by another process", second.output)
        finally:
            os.kill(pid, signal.SIGTERM)
            await wait_until_equal(pidfile.exists, False)
        self.assertEqual(list(self.path.parent.glob("players.db*")), [self.path])

    async def test_it_can_not_listen(self) -> None:
        """The file, which is opened before, is closed."""
        server = await self.serve("--demo")
        taken = f"tcp:{server.port}:interface=127.0.0.1"
        for command in (("twistd", "-n"), TWIST):
            program = self.command(*STORED, "--listen", taken, command=command)
            self.assertEqual(await program.wait(), 1, program.output)
            self.assertIn("Address already in use", program.output)
            self.assertEqual(list(self.path.parent.glob("players.db*")), [self.path])


class FailingTests(StoreTestCase):
    """
    Files that can't be used: one sentence, and exit status 1.
    """

    async def check_failure(self, problem: str) -> None:
        sentence = f"pbrealm: the store {problem}: {self.path}"
        arguments = (*STORED, "--listen", ANY_PORT)
        for command in (("twistd", "-n"), TWIST):
            program = self.command(*arguments, command=command)
            self.assertEqual(await program.wait(), 1, program.output)
            self.assertTrue(program.output.endswith(f"{sentence}\n"), program.output)
            self.assertNotIn("Traceback", program.output)
            self.assertNotIn("listening on", program.output)
        self.assertFalse(Path(self.directory, "twistd.pid").exists())
        # The parent of a daemon shows the beginning.
        program = self.command(*arguments, command=("twistd",))
        self.assertEqual(await program.wait(), 1, program.output)
        self.assertIn(sentence[:40], program.output)

    def fill(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    async def test_in_use(self) -> None:
        store = SQLiteStore(self.path)
        self.addCleanup(store.close)
        await store.open()
        await self.check_failure("is in use by another process")

    async def test_no_database(self) -> None:
        self.path.write_text("alice:secret\n" * 1000)
        await self.check_failure("is not a database")

    async def test_another_program(self) -> None:
        self.fill("CREATE TABLE songs (title)")
        await self.check_failure("is a database of another program")

    async def test_newer(self) -> None:
        store = SQLiteStore(self.path)
        await store.open()
        await store.close()
        self.fill("PRAGMA user_version = 99")
        await self.check_failure(
            "was written by a newer pbrealm: it has version 99, and this one knows none after 1"
        )

    async def test_damaged(self) -> None:
        store = SQLiteStore(self.path)
        await store.open()
        await store.close()
        with open(self.path, "r+b") as file:
            # The list of the tables, after the header.
            file.seek(100)
            file.write(b"\xee" * 3000)
        await self.check_failure("can't be used: database disk image is malformed")

    async def test_unwritable(self) -> None:
        self.path.symlink_to("/dev/full")
        await self.check_failure("can't be used: disk I/O error")

    async def test_directory(self) -> None:
        self.path.mkdir()
        await self.check_failure("is a directory")
