"""
What a client was answered or told, a crash can't take back.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater
from twisted.spread import pb
from twisted.trial.unittest import SkipTest

from pbrealm.client import SharedDictCopy
from pbrealm.store import decode_rows
from pbrealm.store._file import StoreFile
from tests.examples import slow
from tests.integration.plain_client import Mind, PlainClient
from tests.integration.processes import ROOT, Process, ProcessTestCase
from tests.integration.waiting import wait_until

LONG = os.environ.get("PBREALM_CRASHES") == "long"

ACCOUNTS = ["alice", "alice", "bob", "bob"]
"""The account of each client, by the client's number."""


class Record:
    """
    What a client knows of the number that it sets.

    @ivar answered: the last number that it was answered.
    @ivar asked: the number that it has asked for last.
    @ivar failed: the numbers of which it was told, since that answer, that they were not saved.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.asked = 0
        self.failed: set[int] = set()

    def may_be(self) -> set[int]:
        """
        What may be on the disk.  That of a failed change is there only if the disk has failed
        since, so that nothing could be written over it.
        """
        return {self.answered, self.asked, *self.failed}


class Told(Mind):
    """
    Remembers the highest number of each client that any mind was told.
    """

    def __init__(self, highest: dict[int, int]) -> None:
        super().__init__()
        self.highest = highest

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        client, number = broker.unserialize(args)
        self.highest[client] = max(self.highest.get(client, 0), number)


class CrashTestCase(ProcessTestCase):
    """
    A server with a store, clients that change what is in it, and a crash.
    """

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = os.path.join(self.directory, "players.db")
        self.chance = random.Random(self.id())
        self.number = 0
        self.records = [Record() for _ in ACCOUNTS]
        self.told: dict[int, int] = {}
        self.copies: list[SharedDictCopy] = []
        self.answers = self.failures = 0

    def spawn(self, *arguments: object) -> Process:
        command = [sys.executable, "-m", "tests.integration.store.server", self.path, *arguments]
        return self.stop_after_test(Process(command, ROOT))

    async def start(self, *arguments: object) -> tuple[Process, Deferred[Any]]:
        """
        Start the server and the clients.

        @return: the server, and what fires when the clients have lost it.
        """
        server = self.spawn(*arguments)
        port = int((await server.wait_for(r"listening on (\d+)"))[1])
        running = [Deferred.fromCoroutine(self.run_client(n, port)) for n in range(len(ACCOUNTS))]
        return server, gatherResults(running, consumeErrors=True)

    async def run_client(self, client: int, port: int) -> None:
        """Set the client's number, higher and higher, until the connection is lost."""
        record = self.records[client]
        try:
            plain = await PlainClient.connect(port)
            login = plain.login(ACCOUNTS[client], "secret", Told(self.told))
            # It would be waited for for ever if the connection is lost before it begins.
            plain.lost.addCallback(lambda _: login.cancel())
            avatar = await login
            self.copies.append(await avatar.callRemote("bank"))
            while True:
                self.number += 1
                record.asked = self.number
                size = self.chance.choice([1, 100, 50_000])
                try:
                    answer = await avatar.callRemote("set", client, record.asked, size)
                except pb.RemoteError as error:
                    self.assertEqual(error.remoteType, b"pbrealm.errors.SaveFailed")
                    record.failed.add(record.asked)
                    self.failures += 1
                    # What failed is undone in the server's memory.
                    found = await self.get(avatar, client)
                    self.assertEqual(found, (record.answered or None,) * 3)
                else:
                    self.assertEqual(answer, record.asked)
                    record.answered, record.failed = answer, set()
                    self.answers += 1
        except (CancelledError, ConnectError, pb.PBConnectionLost, pb.DeadReferenceError):
            pass

    async def get(self, avatar: Any, client: int) -> Any:
        """A client's number, once no unsaved change of another client was read with it."""
        while True:
            try:
                return await avatar.callRemote("get", client)
            except pb.RemoteError as error:
                self.assertEqual(error.remoteType, b"pbrealm.errors.SaveFailed")

    def check(self, path: str) -> None:
        """Check what is in a file that a crash has left behind."""
        file = StoreFile(path)
        try:
            self.assertEqual(list(file.check()), [])
            names = ("alice", "bob", "bank")
            states = {name: decode_rows(name, file.read(name)).items for name in names}
        finally:
            file.close()
        for client, record in enumerate(self.records):
            state = states[ACCOUNTS[client]]
            found = state.get(client, 0)
            # All of a change is there, or nothing.
            again, bank = state.get(("again", client), 0), states["bank"].get(client, 0)
            self.assertEqual((again, bank), (found, found))
            self.assertIn(found, record.may_be())
            self.assertGreaterEqual(found, self.told.get(client, 0))
            for copy in self.copies:
                self.assertGreaterEqual(found, copy.get(client, 0))

    def settle(self) -> None:
        """What the file has now is what the next server begins with."""
        file = StoreFile(self.path)
        try:
            bank = decode_rows("bank", file.read("bank")).items
        finally:
            file.close()
        for client, record in enumerate(self.records):
            record.answered, record.failed = bank.get(client, 0), set()
        self.copies = []

    async def crash(self, server: Process) -> None:
        server.signal("KILL")
        await server.wait()


class CrashTests(CrashTestCase):
    @slow
    async def test_kill(self) -> None:
        """SIGKILL at any moment, also while the server starts."""
        for _ in range(200 if LONG else 15):
            if self.chance.random() < 0.2:
                server = self.spawn()
                await deferLater(reactor, self.chance.random())
                await self.crash(server)
            else:
                server, lost = await self.start()
                await deferLater(reactor, self.chance.random() * 0.3)
                await self.crash(server)
                await lost
            self.check(self.path)
            self.settle()
        self.assertGreater(self.answers, 100)

    async def test_kill_with_faults(self) -> None:
        """The same on a disk that fails at times."""
        for seed in range(60 if LONG else 5):
            server, lost = await self.start(seed)
            await deferLater(reactor, 0.2 + self.chance.random() * 0.5)
            await self.crash(server)
            await lost
            self.check(self.path)
            self.settle()
        self.assertGreater(min(self.answers, self.failures), 10)

    async def test_copy(self) -> None:
        """The files are copied at any moment, while the process stands still."""
        server, lost = await self.start()
        for number in range(400 if LONG else 30):
            await deferLater(reactor, self.chance.random() * 0.05)
            copied = os.path.join(self.directory, f"copy{number}")
            os.mkdir(copied)
            os.kill(server.pid, signal.SIGSTOP)
            await wait_until(partial(self.states, server), {"T"}.issuperset, "stopped threads")
            for name in ("players.db", "players.db-wal"):
                shutil.copy(os.path.join(self.directory, name), copied)
            os.kill(server.pid, signal.SIGCONT)
            self.check(os.path.join(copied, "players.db"))
            shutil.rmtree(copied)
        await self.crash(server)
        await lost
        self.check(self.path)
        self.assertGreater(self.answers, 100)

    def states(self, server: Process) -> set[str]:
        """The states of a process's threads."""
        tasks = Path(f"/proc/{server.pid}/task")
        if not tasks.exists():
            raise SkipTest("the system doesn't say which threads have stopped")
        stats = [(task / "stat").read_text() for task in tasks.iterdir()]
        return {stat.rpartition(")")[2].split()[0] for stat in stats}
