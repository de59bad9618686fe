"""
The farm of jobs: no job is lost, and none has two results.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor

from tests.integration.examples.program_case import EXAMPLES, LISTENING, ProgramTestCase
from tests.integration.processes import ANY_PORT, Process
from tests.integration.resumption.proxy import CLIENT, SERVER, Cut, Proxy
from tests.integration.waiting import wait_until

PRIME = 10_000_000_000_037
"""A job that takes some time."""


def jobs(count: int) -> dict[int, list[int]]:
    """Jobs that take no time, and their results."""
    return {2**number: [2] * number for number in range(1, count + 1)}


class FarmTestCase(ProgramTestCase):
    async def set_up(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = f"{directory.name}/jobs.db"
        await super().set_up()

    async def serve(self, where: str = ANY_PORT) -> Process:
        command = [sys.executable, EXAMPLES / "job_farm.py", where, self.file]
        server = self.stop_after_test(Process(command))
        self.server_port = int((await server.wait_for(LISTENING, "out"))[1])
        return server

    def work(self, name: str, port: int | None = None) -> Process:
        where = f"tcp:127.0.0.1:{port or self.server_port}"
        worker = Process([sys.executable, EXAMPLES / "job_worker.py", name, where])
        return self.stop_after_test(worker)

    async def submit(self, *submitted: int) -> None:
        self.client = await self.login()
        await self.client.callRemote("submit", *submitted)

    async def results(self, accept: Callable[[Any], bool]) -> Any:
        return await wait_until(
            lambda: self.client.callRemote("results"), accept, "further results"
        )

    async def all_results(self) -> Any:
        return await self.results(lambda results: None not in results.values())

    async def check_finished(self, expected: Iterable[int], *workers: Process) -> None:
        """
        Workers have finished these jobs, each once.  They say so after the server has the result.
        """
        all_jobs = sorted(expected)

        def finished() -> list[int]:
            out = "".join(worker.out for worker in workers)
            return sorted(int(job) for job in re.findall(r"(?m)^finished: (\d+)\n", out))

        await wait_until(finished, lambda done: len(done) >= len(all_jobs), "all")
        self.assertEqual(finished(), all_jobs)


class JobFarmTests(FarmTestCase):
    program = "job_farm"

    async def start_program(self) -> None:
        self.process = await self.serve()

    async def test_several_workers(self) -> None:
        workers = [self.work(name) for name in ("one", "two")]
        await self.submit(*jobs(8))
        self.assertEqual(await self.all_results(), jobs(8))
        await self.check_finished(jobs(8), *workers)

    async def test_jobs_that_are_none(self) -> None:
        await self.submit()
        for wrong in ("1", 1, 2**70):
            error = self.client.callRemote("submit", wrong)
            self.assertIn(
                "can't be factorized", await self.refused(error, "twisted.spread.pb.Error")
            )

    async def test_server_that_is_killed(self) -> None:
        """It has the results, and hands the other jobs out again."""
        worker = self.work("one")
        await self.submit(*jobs(3), PRIME, *jobs(8))
        await worker.wait_for(f"begun: {PRIME}\n")
        worker.signal("STOP")
        self.process.signal("KILL")
        await self.process.wait()
        self.process = await self.serve(f"tcp:{self.server_port}:interface=127.0.0.1")
        worker.signal("CONT")
        self.client = await self.login()
        self.assertEqual(await self.all_results(), {**jobs(8), PRIME: [PRIME]})
        await worker.wait_for("given up: ")
        await self.check_finished([*jobs(8), PRIME], worker)


class JobWorkerTests(FarmTestCase):
    program = "job_worker"

    async def start_program(self) -> None:
        self.server = await self.serve()
        self.process = self.work("one")

    async def test_worker_that_is_killed(self) -> None:
        """Its job is done by its later self, and those that it has finished by nobody else."""
        await self.submit(*jobs(3), PRIME, *jobs(8))
        await self.process.wait_for(f"begun: {PRIME}\n")
        first = self.process
        first.signal("KILL")
        await first.wait()
        self.process = self.work("one")
        self.assertEqual(await self.all_results(), {**jobs(8), PRIME: [PRIME]})
        await self.check_finished([*jobs(8), PRIME], first, self.process)

    async def test_worker_that_is_stopped(self) -> None:
        """As by SIGSTOP: its job waits for it."""
        await self.submit(PRIME)
        await self.process.wait_for(f"begun: {PRIME}\n")
        self.process.signal("STOP")
        other = self.work("two")
        await self.submit(*jobs(8))
        await self.results(lambda results: list(results.values()).count(None) == 1)
        self.process.signal("CONT")
        self.assertEqual((await self.all_results())[PRIME], [PRIME])
        await self.check_finished(jobs(8), other)


class LostConnectionTests(FarmTestCase):
    program = "job_worker"

    async def start_program(self) -> None:
        self.server = await self.serve()
        # While it works, and while it comes back.  After each the worker waits for twice as long.
        cuts = [Cut(SERVER, 2000), Cut(CLIENT, 100)]
        proxy: Any = Proxy(self.server_port, cuts)
        port: Any = reactor.listenTCP(0, proxy, interface="127.0.0.1")
        self.proxy = proxy
        self.addCleanup(port.stopListening)
        self.process = self.work("one", port.getHost().port)

    async def test_lost_connections(self) -> None:
        """The worker goes on with its job."""
        await self.submit(*jobs(60))
        self.assertEqual(await self.all_results(), jobs(60))
        self.assertFalse(self.proxy.cuts)
        await self.check_finished(jobs(60), self.process)
        self.assertNotIn("given up", self.process.out)
