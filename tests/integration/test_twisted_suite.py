"""
Twisted's own tests of C{twisted.spread} pass with this project's classes in place of Twisted's.

None is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent.parent


class TwistedSuiteTests(SynchronousTestCase):
    """
    The suite, in a process of its own: it's run on patched modules.
    """

    def run_suite(self, which: str) -> Any:
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "tests.integration.twisted_suite",
                    which,
                    scratch + "/trial",
                ],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_same_as_plain(self) -> None:
        """As many tests run and pass as do on Twisted's classes, which is all that there are."""
        plain = self.run_suite("plain")
        self.assertGreaterEqual(plain["ran"], 134)
        fast = self.run_suite("fast")
        self.assertEqual(fast["bad"], [])
        self.assertEqual(fast, plain)
