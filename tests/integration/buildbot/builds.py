"""
An unmodified worker of buildbot: its login, and what it builds.
"""

from __future__ import annotations

from twisted.spread import pb

from tests.integration.buildbot.master import WORKDIR, Connection, Download, Upload
from tests.integration.buildbot.realm_by_hand import LimitedMasterByHand, MasterByHand
from tests.integration.buildbot.worker_case import WorkerTestCase

# A variable may have 128 KiB on Linux, and all together a quarter of the stack's limit.
LARGE_ENVIRONMENT = {
    **{f"LARGE_{number}": "x" * 60_000 for number in range(10)},
    **{f"SMALL_{number}": "y" * 100 for number in range(5_000)},
}


class LoginTests(WorkerTestCase):
    async def test_worker_with_a_megabyte_of_environment_logs_in_and_builds(self) -> None:
        self.assertGreater(sum(map(len, LARGE_ENVIRONMENT.values())), 1_000_000)
        master = await self.start_master()
        worker = await self.start_worker(master, environment=LARGE_ENVIRONMENT)
        connection = (await master.connected(worker)).avatar
        environ = connection.info["environ"]
        self.assertEqual(LARGE_ENVIRONMENT, {name: environ[name] for name in LARGE_ENVIRONMENT})
        self.assertEqual(connection.info["basedir"], str(worker.directory))
        self.assertEqual(connection.info["version"], connection.version)
        # The worker reports all of it once more as the header of each command.
        built = await connection.shell("sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual(built.status, 3)
        self.assertEqual((built.text("stdout"), built.text("stderr")), ("out\n", "err\n"))
        self.assertIn("\n  SMALL_4999=yyy", built.text("header"))
        self.assertNotIn("Traceback", worker.log)

    async def test_worker_logs_in_to_a_realm_written_by_hand(self) -> None:
        """Buildbot's own realm calls the worker, too, before it returns the avatar."""
        await self.check_realm_by_hand(MasterByHand())

    async def test_worker_logs_in_to_limits_around_a_realm_written_by_hand(self) -> None:
        await self.check_realm_by_hand(LimitedMasterByHand())

    async def check_realm_by_hand(self, master: MasterByHand) -> None:
        await self.serve(master)
        worker = await self.start_worker(master, environment=LARGE_ENVIRONMENT)
        connection = await master.connection(worker)
        self.assertEqual(connection.info["environ"]["SMALL_3999"], "y" * 100)
        await self.check_builds(connection)
        worker.signal("KILL")
        await master.disconnected()
        worker = self.restart(worker)
        await self.check_builds(await master.connection(worker))

    async def test_worker_with_a_wrong_password_goes_on_trying(self) -> None:
        master = await self.start_master(password="changed")
        worker = await self.start_worker(master)
        await worker.wait_for_log("unauthorized login; check worker name and password", 2)
        self.assertIsNone(worker.status)

    async def test_worker_sends_keepalives(self) -> None:
        master = await self.start_master()
        worker = await self.start_worker(master, "--keepalive=1")
        connection = (await master.connected(worker)).avatar
        await worker.wait_for_log("Master replied to keepalive, everything's fine", 2)
        self.assertGreaterEqual(connection.keepalives, 2)

    async def test_worker_asks_to_be_shut_down(self) -> None:
        master = await self.start_master()
        worker = await self.start_worker(master, "--allow-shutdown=signal")
        session = await master.connected(worker)
        worker.signal("HUP")
        await worker.wait_until_fired(session.avatar.wants_shutdown, "a wish to be shut down")
        await session.notify("shutdown")
        self.assertEqual(await worker.wait(), 0)


class CommandTests(WorkerTestCase):
    async def connected_worker(self) -> Connection:
        """Start a master and a worker, and wait for its login."""
        master = await self.start_master()
        worker = await self.start_worker(master)
        connection: Connection = (await master.connected(worker)).avatar
        return connection

    async def test_command_with_megabytes_of_output(self) -> None:
        connection = await self.connected_worker()
        line = "z" * 99
        script = f"import sys; sys.stdout.write(({line!r} + chr(10)) * 50_000)"
        built = await connection.shell("python3", "-c", script)
        self.assertEqual(built.text("stdout"), f"{line}\n" * 50_000)

    async def test_running_command_is_interrupted(self) -> None:
        connection = await self.connected_worker()
        running = await connection.begin(
            "shell", command=["sh", "-c", "echo begun; exec sleep 600"], workdir=WORKDIR
        )
        await connection.interrupt()
        await connection.completed(running)
        self.assertEqual(running.status, -1)

    async def test_files_are_transferred_both_ways(self) -> None:
        connection = await self.connected_worker()
        content = bytes(range(256)) * 4_096
        await connection.run(
            "downloadFile",
            reader=Download(content),
            workerdest="file",
            mode=0o600,
            workdir=WORKDIR,
            maxsize=None,
            blocksize=65_536,
        )
        upload = Upload()
        await connection.run(
            "uploadFile",
            writer=upload,
            workersrc="file",
            keepstamp=False,
            workdir=WORKDIR,
            maxsize=None,
            blocksize=65_536,
        )
        self.assertEqual((upload.content, upload.closed), (content, True))

    async def test_error_of_the_worker_reaches_the_master(self) -> None:
        connection = await self.connected_worker()
        try:
            await connection.begin("nosuch")
        except pb.RemoteError as why:
            self.assertIn("unrecognized WorkerCommand 'nosuch'", str(why))
        else:
            self.fail("the worker has begun a command that it doesn't have")
        await self.check_builds(connection)
