"""
The server factory.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.cred.portal import Portal
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._clock import clock_or_reactor
from pbrealm.front.broker import FrontBroker
from pbrealm.front.door import Entry, origin_of
from pbrealm.front.house import House
from pbrealm.front.limits import Limits
from pbrealm.front.login import LoginRoot
from pbrealm.front.visitor import Visitor
from pbrealm.wire.outbox import Backlog

_LIMITS = Limits()
_BACKLOG = Backlog()


class ServerFactory(pb.PBServerFactory):
    """
    A L{pb.PBServerFactory} that can stand on an open network.

    Its logins see their connection, whether or not the client passes a mind, and end with it at
    any stage; it keeps every client to its L{Limits}, and finds those that are dead.
    """

    protocol = FrontBroker

    def __init__(
        self,
        portal: Portal,
        limits: Limits = _LIMITS,
        backlog: Backlog = _BACKLOG,
        *,
        clock: IReactorTime | None = None,
        unsafeTracebacks: bool = False,
        security: SecurityOptions = globalSecurity,
    ) -> None:
        """
        @param portal: leads to any realm; each of pbrealm's gets to know the connection of a
            client without a mind too.
        @param limits: what clients may do, and for how long.
        @param backlog: how much may wait to be sent to each.
        @param clock: by default the global reactor.
        @param unsafeTracebacks: as in L{pb.PBServerFactory}.
        @param security: as in L{pb.PBServerFactory}.
        """
        super().__init__(LoginRoot(portal), unsafeTracebacks, security)
        self._limits = limits
        self._backlog = backlog
        self._clock = clock
        self._house: House | None = None

    def buildProtocol(self, addr: IAddress | None) -> FrontBroker | None:
        """
        Let a client in, as far as the door.

        @return: L{None} if there are too many already.
        """
        if self._house is None:
            # Not before the first client comes: a factory may be made before there is a reactor.
            self._house = House(self._limits, self._backlog, clock_or_reactor(self._clock))
        entry = self._house.door.enter(origin_of(addr))
        if entry is Entry.STAY_OUT:
            return None
        broker: Any = self.protocol(False, self.security)
        broker.factory = self
        broker.visitor = Visitor(self._house, entry, addr)
        broker.setNameForLocal("root", self.root.rootObject(broker))
        return cast(FrontBroker, broker)
