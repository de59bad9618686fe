"""
Prints what the attacks took, at the end of C{make abuse}.
"""

from __future__ import annotations

import pytest

from tests.integration.abuse import figures
from tests.integration.abuse.abuse_case import VERBOSE


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if VERBOSE and figures.ALL:
        terminalreporter.section("what the attacks took of the server")
        terminalreporter.write_line(figures.table())
