"""
Waits for what a process has to do end when the process does.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred

from tests.integration.processes import Process, ProcessTestCase

# The child holds the output of its parent open until the test is over.
ENDS_BEFORE_ITS_CHILD = """
import subprocess, sys
print("last words", flush=True)
subprocess.Popen([sys.executable, "-c", "input()"])
"""


class WaitTests(ProcessTestCase):
    def start(self, code: str) -> Process:
        return self.stop_after_test(Process([sys.executable, "-c", code]))

    async def failure(self, process: Process, timeout: float = 60) -> str:
        """The message of a wait for what doesn't come."""
        never: Deferred[None] = Deferred()
        try:
            await process.wait_until_fired(never, "a call", timeout)
        except AssertionError as why:
            return str(why)
        raise AssertionError("it came")

    async def test_process_that_ends(self) -> None:
        message = await self.failure(self.start("print('last words'); exit(3)"))
        self.assertIn("the process has ended: False; expected a call", message)
        self.assertIn("last words", message)

    async def test_process_whose_child_goes_on(self) -> None:
        process = self.start(ENDS_BEFORE_ITS_CHILD)
        self.addCleanup(process.write, b"\n")
        await process.wait_for("last words")
        self.assertIn("the process has ended", await self.failure(process))
        self.assertIsNone(process.status)

    async def test_process_that_does_not_answer(self) -> None:
        process = self.start("print('last words', flush=True); input()")
        self.addCleanup(process.write, b"\n")
        await process.wait_for("last words")
        message = await self.failure(process, timeout=0.05)
        self.assertIn("after 0.05 s", message)
        self.assertIn("last words", message)

    async def test_what_came_before_the_end_counts(self) -> None:
        process = self.start("")
        await process.wait()
        fired: Deferred[int] = Deferred()
        fired.callback(5)
        self.assertEqual(await process.wait_until_fired(fired, "a number"), 5)
