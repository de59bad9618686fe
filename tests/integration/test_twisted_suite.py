"""
Twisted's own tests of C{twisted.spread} pass with this project's classes in place of Twisted's.

No test is left out.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from tests.integration.processes import ROOT, Process, ProcessTestCase


class TwistedSuiteTests(ProcessTestCase):
    """
    The suite runs in a process of its own, because it patches modules of Twisted.
    """

    async def run_suite(self, which: str) -> Any:
        with tempfile.TemporaryDirectory() as scratch:
            module = "tests.integration.twisted_suite"
            command = [sys.executable, "-m", module, which, f"{scratch}/trial"]
            suite = self.stop_after_test(Process(command, ROOT))
            self.assertEqual(await suite.wait(), 0, suite.output)
        return json.loads(suite.out.splitlines()[-1])

    async def test_same_results_as_with_twisted_s_classes(self) -> None:
        """As many tests run and pass, and Twisted has at least 134."""
        plain = await self.run_suite("plain")
        self.assertGreaterEqual(plain["ran"], 134)
        fast = await self.run_suite("fast")
        self.assertEqual(fast["bad"], [])
        self.assertEqual(fast, plain)
