"""
A test case that serves the realm of a program in three ways.

Each program does what a known one does, in as few lines as that takes.  Its tests run under plain
Perspective Broker first, which shows that they ask for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import ConnectionLimitedRealm, MindTrackingRealm, ServerFactory
from pbrealm.testing import UNHURRIED, MemoryServer


class Served(Enum):
    """How a program's realm is served."""

    PLAIN = "by pb.PBServerFactory"
    PROTECTED = "by pbrealm.ServerFactory"
    WRAPPED = "by pbrealm.ServerFactory, within realms of pbrealm"


class ProgramTestCase(SynchronousTestCase):
    """
    @cvar served: how the program's realm is served; for subclasses to override.
    """

    served = Served.PLAIN

    def serve(self, realm: IRealm, checkers: Sequence[ICredentialsChecker], clock: Clock) -> None:
        """Serve a realm that is written by hand."""
        if self.served is Served.WRAPPED:
            realm = self.wrap(realm)
        portal = Portal(realm, checkers)
        factory: pb.PBServerFactory
        if self.served is Served.PLAIN:
            factory = pb.PBServerFactory(portal)
        else:
            factory = ServerFactory(portal, UNHURRIED, clock=clock)
        self.server = MemoryServer(realm, clock=clock, factory=factory)

    def wrap(self, realm: IRealm) -> IRealm:
        """Wrap the program's realm in realms of pbrealm; for subclasses to extend."""
        return MindTrackingRealm(ConnectionLimitedRealm(realm, limit=2))

    def remote_error(self, kind: type[Exception], awaited: Any) -> str:
        """
        Wait for an error of the server that a client tells by its class.

        @return: its text.
        """
        self.server.flush()
        why = self.failureResultOf(awaited)
        self.assertTrue(why.check(kind), why)
        return str(why.getErrorMessage())
