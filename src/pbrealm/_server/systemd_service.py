"""
The service of a program that systemd has started.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults

from pbrealm._clock import clock_or_reactor
from pbrealm._server.service import ServerService
from pbrealm._server.service_manager import ServiceManager
from pbrealm._types import AnyClock


class SystemdService(MultiService):
    """
    Runs services, and tells systemd how they are, for a unit with C{Type=notify}::

        services = SystemdService()
        ServerService("tcp:8787", factory).setServiceParent(services)
        services.setServiceParent(application)

    It tells that the program is ready, once all services have started and each L{ServerService
    <pbrealm.ServerService>} of its own listens; that the program stops; and, if the unit has
    C{WatchdogSec}, that the reactor runs, until all services have stopped.  Where nobody wants to
    be told, as at a terminal, it only runs them.
    """

    def __init__(self, *, reactor: AnyClock | None = None) -> None:
        """
        @param reactor: by default the global one.
        """
        super().__init__()
        self._reactor = reactor
        self._manager: ServiceManager | None = None

    def startService(self) -> None:
        """Start all services."""
        super().startService()
        clock = clock_or_reactor(self._reactor)
        # Not earlier: twistd may have made a daemon of the process meanwhile.
        self._manager = ServiceManager.of_environment(os.environ, clock)
        if self._manager is not None:
            servers = [each for each in self if isinstance(each, ServerService)]
            listening = gatherResults([each.when_listening() for each in servers])
            listening.addCallback(self._listen, self._manager)

    def _listen(self, listen: list[bool], manager: ServiceManager) -> None:
        if all(listen) and self.running:
            manager.ready()

    def stopService(self) -> Deferred[Any]:
        """
        Stop all services.

        @return: fires when that is done, and never fails.
        """
        manager, self._manager = self._manager, None
        if manager is not None:
            manager.stopping()
        stopped: Deferred[Any] = super().stopService()
        if manager is not None:
            stopped.addCallback(lambda _: manager.stopped())
        return stopped
