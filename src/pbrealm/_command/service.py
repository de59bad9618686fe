"""
The service that the command runs.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.cred.portal import Portal

from pbrealm._command.options import Options
from pbrealm._command.realm import make_realm
from pbrealm._command.signals import stop_on_signals
from pbrealm._server.factory import ServerFactory
from pbrealm._server.service import ServerService
from pbrealm.realms._journal import JournalRealm


class CommandService(ServerService):
    """
    The service of a process that serves nothing else, which it may have handle signals.
    """

    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        stop_on_signals(self._reactor)


def makeService(options: Options) -> IService:
    """
    Make the service that the options ask for.
    """
    portal = Portal(JournalRealm(make_realm(options.realm_options)), options.checkers)
    factory = ServerFactory(portal, options.limits, options.backlog, goodbye=options.goodbye)
    return CommandService(options.endpoints, factory)
