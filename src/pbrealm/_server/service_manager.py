"""
The service manager, such as systemd, that has started the program and wants to know how it is.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

STOP_SECONDS: Final = 60
"""How much longer than at other times the service manager has to wait while the program stops."""


class ServiceManager:
    """
    Tells a service manager that the program is ready, that it stops, and, as often as it asks for
    that, that the reactor runs: by the datagrams of C{sd_notify(3)}.
    """

    def __init__(self, address: str, watchdog: float | None, clock: IReactorTime) -> None:
        """
        @param address: the path of a UNIX socket; with an C{@} before it, an abstract one.
        @param watchdog: after how many seconds without a word the program counts as hung; L{None}
            if nobody watches.
        """
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog
        self._alive = LoopingCall(self._tell, "WATCHDOG=1")
        self._alive.clock = clock

    @classmethod
    def of_environment(
        cls, environment: Mapping[str, str], clock: IReactorTime
    ) -> ServiceManager | None:
        """
        The service manager that has started this process; L{None} if none wants to be told.
        """
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return None
        watchdog = None
        if environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid()):
            with suppress(KeyError, ValueError):
                watchdog = int(environment["WATCHDOG_USEC"]) / 1e6
        return cls(address, watchdog, clock)

    def ready(self) -> None:
        """The program serves."""
        self._tell("READY=1")
        if self._watchdog and not self._alive.running:
            # As sd_watchdog_enabled(3) has it.  It comes late, or not, if the reactor is blocked.
            self._alive.start(self._watchdog / 2)

    def stopping(self) -> None:
        """The program has begun to stop, and goes on to tell that the reactor runs."""
        self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={STOP_SECONDS * 10**6}")

    def stopped(self) -> None:
        """The program is about to end."""
        if self._alive.running:
            self._alive.stop()

    def _tell(self, state: str) -> None:
        # A service manager that has gone is no reason to fail.
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.setblocking(False)
            sender.sendto(state.encode(), self._address)
