"""
The administration of a server that the command runs.
"""

from __future__ import annotations

from typing import Any

from pbrealm._command.admin_options import AdminOptions
from pbrealm._command.cannot_start import CannotStart
from pbrealm._server.factory import ServerFactory
from pbrealm.admin import AdminService
from pbrealm.realms import MindTrackingRealm


class CommandAdminService(AdminService):
    """
    An administration whose drain ends the process.
    """

    def __init__(
        self, realm: MindTrackingRealm[Any], factory: ServerFactory, options: AdminOptions
    ) -> None:
        # Installs a reactor if there is none yet, so not before the command has chosen one.
        from twisted.internet import reactor

        running: Any = reactor
        super().__init__(
            realm,
            factory,
            options.endpoints,
            token=options.token,
            insecure=options.insecure,
            hosts=options.hosts,
            on_drained=running.stop,
            reactor=running,
        )

    def privilegedStartService(self) -> None:
        """
        Listen.

        @raise CannotStart: if it can't listen there, or everybody could get in.
        """
        try:
            super().privilegedStartService()
        except ValueError as why:
            raise CannotStart(f"pbrealm: {why}") from why
