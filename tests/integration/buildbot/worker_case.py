"""
A test case with a master in this process, and workers in processes of their own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.buildbot.master import Connection, Master
from tests.integration.buildbot.worker import Worker, create_worker
from tests.integration.processes import ProcessTestCase


class WorkerTestCase(ProcessTestCase):
    """
    A test that starts masters and workers, and leaves neither behind.
    """

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self._workers = 0

    async def start_master(self, **options: Any) -> Master:
        """
        Start a master, until the test is over.

        @param options: of L{Master}.
        """
        master = Master(**options)
        await self.serve(master)
        return master

    async def serve(self, master: Master) -> None:
        """Start this master, until the test is over."""
        await master.start()
        self.addCleanup(master.stop)

    async def start_worker(
        self, master: Master, *options: str, environment: Mapping[str, str] | None = None
    ) -> Worker:
        """
        Start a worker, until the test is over.

        @param options: of C{buildbot-worker create-worker}.
        @param environment: variables to add to those of the tests.
        """
        self._workers += 1
        directory = self.directory / f"worker-{self._workers}"
        await create_worker(directory, master.port, *options)
        return self.stop_after_test(Worker(directory, environment))

    def restart(self, worker: Worker) -> Worker:
        """Start a worker once more that has ended, until the test is over."""
        return self.stop_after_test(Worker(worker.directory))

    async def check_builds(self, connection: Connection) -> None:
        """Check that a worker that has logged in builds what it's told to."""
        built = await connection.shell("echo", "built")
        self.assertEqual((built.status, built.text("stdout")), (0, "built\n"))
