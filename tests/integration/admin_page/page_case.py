"""
A test case with the page of the administration, in a browser.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.browser import the_browser
from tests.integration.processes import ROOT

TOKEN = "correct-horse-battery"

ROWS = "#session-table tbody tr"
NAMES = "#session-table tbody th bdi"
ENDS = "#end-table tbody tr"


class Server:
    """
    The server that the page is of.
    """

    def __init__(self, *arguments: object) -> None:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.admin_page_server", *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.line().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def line(self) -> str:
        """The next line that it writes."""
        line: str = self._process.stdout.readline()
        assert line, "the server has ended"
        return line

    def command(self, command: str) -> None:
        """Have it do something; see L{tests.integration.admin_page_server}."""
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """End it, at once."""
        self._process.kill()
        self._process.communicate()


class PageTestCase(SynchronousTestCase):
    """
    A test with a browser, in whose console there are no errors at the end.
    """

    def setUp(self) -> None:
        self.browser = the_browser()

    def serve(self, *arguments: object) -> Server:
        """Start a server."""
        server = Server(*arguments)
        self.addCleanup(server.stop)
        return server

    def show(self, *arguments: object, sessions: int | None = None) -> Server:
        """Start a server, and open its page."""
        server = self.serve(*arguments)
        self.browser.open(server.url)
        self.addCleanup(lambda: self.assertEqual(self.browser.errors(), []))
        self.wait_for_text("#state", "serving")
        if sessions is not None:
            self.wait_for_text("#count-sessions", f"{sessions:,}")
        return server

    def wait_for_text(self, selector: str, expected: str) -> None:
        """Wait until an element shows this text."""
        self.browser.wait(lambda: self.browser.text(selector), lambda text: text == expected)

    def wait_for_texts(self, selector: str, expected: Sequence[str]) -> None:
        """Wait until the elements that a selector finds show these texts."""
        self.browser.wait(lambda: self.browser.texts(selector), lambda texts: texts == expected)

    def wait_for_focus(self, expected: str) -> None:
        """Wait until the focus is there."""
        self.browser.wait(self.browser.focus, lambda focus: focus == expected)
