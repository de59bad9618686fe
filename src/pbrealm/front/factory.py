"""
The server factory.
"""

from __future__ import annotations

from twisted.cred.portal import Portal
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm.front.login import LoginRoot


class ServerFactory(pb.PBServerFactory):
    """
    A L{pb.PBServerFactory} whose logins see their connection, whether or not the client passes a
    mind, and end with it at any stage.
    """

    def __init__(
        self,
        portal: Portal,
        unsafeTracebacks: bool = False,
        security: SecurityOptions = globalSecurity,
    ) -> None:
        """
        @param portal: leads to any realm; each of pbrealm's gets to know the connection of a
            client without a mind too.
        @param unsafeTracebacks: as in L{pb.PBServerFactory}.
        @param security: as in L{pb.PBServerFactory}.
        """
        super().__init__(  # type: ignore[no-untyped-call]  # of an untyped base
            LoginRoot(portal), unsafeTracebacks, security
        )
