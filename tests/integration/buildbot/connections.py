"""
An unmodified worker of buildbot: how its connection ends, and that it comes back.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from pbrealm import ISession, Limits, PingOldest, Reason, Refuse, ReplaceOldest
from tests.integration.buildbot.master import WORKDIR, AttachedConnection, Command, ended
from tests.integration.buildbot.worker_case import WorkerTestCase

LATE = 10
"""Seconds that a loaded machine may take longer."""

# Runs for as long as its worker does, ten minutes at most.  A process isn't told that its parent
# has ended, so this one looks from time to time: process 1 is its parent then.
WITH_ITS_WORKER = """
import os, time
worker, end = os.getppid(), time.monotonic() + 600
while os.getppid() == worker != 1 and time.monotonic() < end:
    time.sleep(0.1)
"""


async def begin_long_build(connection: AttachedConnection) -> Command:
    """Begin a build that doesn't end by itself."""
    return await connection.begin(
        "shell", command=[sys.executable, "-c", WITH_ITS_WORKER], workdir=WORKDIR
    )


class LostTests(WorkerTestCase):
    async def test_stopped_worker_is_found_dead_and_comes_back(self) -> None:
        limits = Limits(ping_interval=1, ping_timeout=1)
        master = await self.start_master(limits=limits)
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        build = await begin_long_build(session.avatar)
        worker.signal("STOP")
        stopped = reactor.seconds()
        self.assertIs(await ended(session), Reason.NO_ANSWER)
        self.assertLess(reactor.seconds() - stopped, 2 + LATE)
        self.assertIs(session.avatar.gone, Reason.NO_ANSWER)
        worker.signal("CONT")
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertFalse(build.completed.called)

    async def test_killed_worker_is_gone_at_once_and_another_gets_in(self) -> None:
        master = await self.start_master()
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        build = await begin_long_build(session.avatar)
        worker.signal("KILL")
        self.assertIs(await ended(session), Reason.DISCONNECTED)
        self.assertIs(session.avatar.gone, Reason.DISCONNECTED)
        worker = self.restart(worker)
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertFalse(build.completed.called)

    async def test_kicked_worker_comes_back(self) -> None:
        master = await self.start_master(goodbye=None)
        worker = await self.start_worker(master)
        for _ in range(2):
            session = await master.connected(worker)
            await session.end()
            self.assertIs(session.avatar.gone, Reason.KICKED)
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertNotIn("NoSuchMethod", worker.log)
        self.assertNotIn("Traceback", worker.log)

    async def test_worker_that_is_kicked_during_a_build_stops_it(self) -> None:
        master = await self.start_master()
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        build = await begin_long_build(session.avatar)
        await session.end()
        await worker.wait_for_log("stopCommand: halting current command")
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertFalse(build.completed.called)

    async def test_worker_logs_a_goodbye_that_it_does_not_know(self) -> None:
        """This is what C{goodbye=None} is for."""
        master = await self.start_master(goodbye="goodbye")
        worker = await self.start_worker(master)
        await (await master.connected(worker)).end()
        await worker.wait_for_log("NoSuchMethod: No such method: remote_goodbye")
        await self.check_builds((await master.connected(worker)).avatar)


class DuplicateTests(WorkerTestCase):
    async def test_refused_duplicate_stops_and_the_first_builds_on(self) -> None:
        """Buildbot's own master refuses a duplicate with an error, too."""
        master = await self.start_master(on_full=Refuse())
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        duplicate = await self.start_worker(master)
        await duplicate.wait_for_log("worker is logged in already, from 127.0.0.1:")
        self.assertEqual(await duplicate.wait(), 0)
        await self.check_builds(session.avatar)

    async def test_duplicate_gets_in_if_the_first_does_not_answer(self) -> None:
        """Buildbot's own master pings the first worker, too."""
        master = await self.start_master(on_full=PingOldest(timeout=1))
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        refused = await self.start_worker(master)
        await refused.wait()
        self.assertIsNone(session.ended)
        worker.signal("STOP")
        again = self.restart(refused)
        await self.check_builds((await master.connected(again, besides=session)).avatar)
        self.assertIs(session.ended, Reason.NO_ANSWER)
        worker.signal("CONT")

    async def test_two_workers_of_one_name_do_not_replace_each_other_for_ever(self) -> None:
        master = await self.start_master(on_full=ReplaceOldest(stay=300))
        first = await self.start_worker(master)
        replaced = await master.connected(first)
        second = await self.start_worker(master)
        session = await master.connected(second, besides=replaced)
        self.assertIs(replaced.ended, Reason.REPLACED)
        # The first is told to come back later, by a lost connection.
        await first.wait_for_log("we lost the brand-new connection", 2)
        self.assertIs(await master.connected(second), session)
        await self.check_builds(session.avatar)
        second.signal("KILL")
        await self.check_builds((await master.connected(first, besides=session)).avatar)
        self.assertIsNone(first.status)


class RestartTests(WorkerTestCase):
    async def test_worker_comes_back_after_a_restart_of_the_server(self) -> None:
        master = await self.start_master()
        worker = await self.start_worker(master)
        session = await master.connected(worker)
        await master.stop()
        self.assertIs(session.avatar.gone, Reason.SHUTTING_DOWN)
        await master.start()
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertNotIn("Traceback", worker.log)

    async def test_worker_comes_back_after_a_shutdown_during_its_login(self) -> None:
        attaching: Deferred[ISession] = Deferred()
        may_attach: Deferred[None] = Deferred()

        class Slow(AttachedConnection):
            async def attached(self, session: ISession) -> None:
                await super().attached(session)
                if not attaching.called:
                    attaching.callback(session)
                    await may_attach

        master = await self.start_master(make_avatar=Slow)
        worker = await self.start_worker(master)
        session = await worker.wait_until_fired(attaching, "a login")
        stopping = ensureDeferred(master.stop())
        self.assertIs(await ended(session), Reason.SHUTTING_DOWN)
        may_attach.callback(None)
        await stopping
        await worker.wait_for_log("we lost the brand-new connection")
        await master.start()
        await self.check_builds((await master.connected(worker)).avatar)
        self.assertIsNone(worker.status)
