"""
The server factory.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.backlog import Backlog
from pbrealm._server.broker import ServerBroker
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.connection_limits import Entry, origin_of
from pbrealm._server.limits import Limits
from pbrealm._server.login import PortalRoot
from pbrealm._server.server_state import ServerState
from pbrealm.errors import Reason

_log = Logger()
_LIMITS = Limits()
_BACKLOG = Backlog()


class ServerFactory(pb.PBServerFactory):
    """
    A L{pb.PBServerFactory} that can stand on an open network.

    Its logins see their connection, whether or not the client passes a mind, and end with it at
    any stage; it keeps every client to its L{Limits}, and finds those that are dead.
    """

    protocol = ServerBroker
    noisy = False

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
        super().__init__(PortalRoot(portal), unsafeTracebacks, security)
        self._limits = limits
        self._backlog = backlog
        self.clock = clock
        self._house: ServerState | None = None

    def close(self, patience: float = 10) -> Deferred[None]:
        """
        Let nobody in any more, end all sessions for the reason "shutting down", and then close
        all connections.

        @param patience: seconds that avatars get to detach.
        @return: fires when the last connection is lost.  It never fails, and takes no more than
            C{patience} and the few seconds that a client gets to hear the goodbye and to take
            what is still to be sent.
        """
        if self._house is None:
            self._house = ServerState(self._limits, self._backlog, clock_or_reactor(self.clock))
        self._house.closed = True
        return Deferred.fromCoroutine(self._close(self._house, patience))

    async def _close(self, house: ServerState, patience: float) -> None:
        sessions = [session for visitor in house.visitors for session in visitor.sessions]
        # All of them are over before anybody hears of the end of one: those who wait for a place
        # don't get one that falls free now.
        for session in sessions:
            session.revoke(Reason.SHUTTING_DOWN)
        ends = DeferredList(
            [session.end(Reason.SHUTTING_DOWN) for session in sessions], consumeErrors=True
        )
        ends.addTimeout(patience, house.clock, onTimeoutCancel=_out_of_patience)
        await ends
        await DeferredList([visitor.dismiss() for visitor in tuple(house.visitors)])

    def buildProtocol(self, addr: IAddress | None) -> ServerBroker | None:
        """
        Let a client in, as far as the door.

        @return: L{None} if there are too many already.
        """
        if self._house is None:
            # Not before the first client comes: a factory may be made before there is a reactor.
            self._house = ServerState(self._limits, self._backlog, clock_or_reactor(self.clock))
        if self._house.closed:
            return None
        entry = self._house.door.enter(origin_of(addr))
        if entry is Entry.STAY_OUT:
            return None
        broker: Any = self.protocol(False, self.security)
        broker.factory = self
        broker.visitor = ClientConnection(self._house, entry, addr)
        broker.setNameForLocal("root", self.root.rootObject(broker))
        return cast(ServerBroker, broker)


def _out_of_patience(_: object, seconds: float) -> None:
    _log.warn("closing with sessions that did not end within {seconds:g} seconds", seconds=seconds)
