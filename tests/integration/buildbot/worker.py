"""
An unmodified worker of buildbot, in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.integration.buildbot.master import NAME, PASSWORD
from tests.integration.processes import Process

PROGRAM = "BUILDBOT_WORKER"
"""The environment variable with the path of the program C{buildbot-worker}."""


def program() -> Path:
    """
    The program C{buildbot-worker}.

    @raise AssertionError: if there is none.
    """
    path = os.environ.get(PROGRAM)
    assert path, f"{PROGRAM} must be the path of buildbot-worker; `make buildbot` sets it"
    return Path(path).resolve()


class Worker(Process):
    """
    A worker that runs in a directory of its own.

    @ivar directory: that directory.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        """
        Start the worker.

        @param directory: L{create_worker} has made it.
        @param environment: variables to add to those of the tests.
        """
        self.directory = directory
        super().__init__(
            [program(), "start", "--nodaemon", directory], directory, environment=environment
        )

    @property
    def log(self) -> str:
        """All that it has logged."""
        path = self.directory / "twistd.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def written(self) -> str:
        return f"{self.output}\ntwistd.log:\n{self.log}"

    async def wait_for_log(self, text: str, count: int = 1) -> None:
        """Wait until a text is in the log so many times."""
        await self.wait_until(
            lambda: self.log, lambda log: log.count(text) >= count, f"{text!r}, {count} times"
        )


async def create_worker(directory: Path, port: int, *options: str) -> None:
    """
    Make a worker's directory.

    @param port: of its master.
    @param options: of C{buildbot-worker create-worker}.
    """
    made = Process(
        [
            *(program(), "create-worker", "--quiet", "--no-logrotate", *options),
            *(directory, f"127.0.0.1:{port}", NAME, PASSWORD),
        ]
    )
    status = await made.wait()
    assert status == 0, made.output
