"""
No test outside of C{tests/integration} opens a socket or starts a process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

INTEGRATION = Path(__file__).parent / "integration"

FORBIDDEN = {
    "socket.bind": "opens a socket",
    "socket.connect": "opens a socket",
    "socket.sendto": "opens a socket",
    "socket.getaddrinfo": "looks up a host",
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
}
"""Events of L{sys.addaudithook}.  A pair of connected sockets, as the reactor has, is none."""


class Guard:
    """
    Refuses what is forbidden while a test runs.

    @ivar broken: what the test did; L{None} where it may do anything.
    """

    def __init__(self) -> None:
        self.broken: list[str] | None = None

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called for each audit event of the process."""
        if self.broken is None or event not in FORBIDDEN:
            return
        message = (
            f"this test {FORBIDDEN[event]} ({event} {arguments!r:.200}): "
            "such tests belong in tests/integration"
        )
        self.broken.append(message)
        raise AssertionError(message)


guard = Guard()
sys.addaudithook(guard.audit)


@pytest.fixture(autouse=True)
def no_sockets_and_no_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that broke the rule, also if it caught the exception."""
    if INTEGRATION in request.node.path.parents:
        yield
        return
    guard.broken = []
    try:
        yield
        broken = guard.broken
    finally:
        guard.broken = None
    if broken:
        pytest.fail(broken[0], pytrace=False)
