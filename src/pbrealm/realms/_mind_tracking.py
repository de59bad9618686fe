"""
Every session known, and in reach.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.broadcast import deliver
from pbrealm._delivery.report import DeliveryReport
from pbrealm._session.session import NOTIFY_TIMEOUT, Session
from pbrealm.realms._admission import enter
from pbrealm.realms._base import WrappingRealm
from pbrealm.realms._presence import Presence, PresenceTable, Subscriber


class MindTrackingRealm(WrappingRealm):
    """
    Knows every session that is open, and reaches the minds of its clients.
    """

    def __init__(
        self,
        realm: IRealm,
        *,
        timeout: float = NOTIFY_TIMEOUT,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param realm: any realm.
        @param timeout: seconds that each client gets to answer a L{notify} or L{broadcast}.
        @param clock: by default that of C{realm}.
        """
        super().__init__(realm, clock)
        self._timeout = timeout
        self._roster = PresenceTable()

    def sessions(self, avatar_id: str | None = None) -> Sequence[Session]:
        """The sessions that are open now, of an avatar id or of all, oldest first."""
        return self._roster.sessions(avatar_id)

    def present(self) -> Sequence[Presence]:
        """
        Each avatar id that is here now, with its sessions and since when it's here, in the order
        in which they came.
        """
        return self._roster.present()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """
        Have C{subscriber(event)} called with an L{Arrival} for each session that opens and a
        L{Departure} for each that ends, from now on; an exception in it is logged.

        @return: call it to stop that.
        """
        return self._roster.subscribe(subscriber)

    def notify(
        self, avatar_id: str, method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[Session]]:
        """
        Call a method of the mind of each client of an avatar id.  It never raises.

        @return: fires with a L{DeliveryReport} once each has answered, failed, gone or had its
            time; it never fails.  With C{pbanswer=False} no answers are asked for.
        """
        return self._deliver(self.sessions(avatar_id), method, args, kw)

    def broadcast(
        self, method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[Session]]:
        """
        Call a method of the mind of each client there is, as L{notify} does.
        """
        return self._deliver(self.sessions(), method, args, kw)

    def _deliver(
        self,
        sessions: Sequence[Session],
        method: str,
        args: Sequence[object],
        kw: dict[str, object],
    ) -> Deferred[DeliveryReport[Session]]:
        return deliver(
            [(session, session.mind) for session in sessions],
            method,
            args,
            kw,
            clock=clock_or_reactor(self.clock),
            timeout=self._timeout,
        )

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        admitted = await enter(self._realm, session, interfaces)
        self._roster.add(session)
        return admitted
