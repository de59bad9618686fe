"""
A realm that knows every session, and reaches the clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from zope.interface import Interface

from pbrealm._delivery.broadcast import broadcast
from pbrealm._delivery.notify import NOTIFY_TIMEOUT, check_timeout
from pbrealm._delivery.report import DeliveryReport
from pbrealm._session.session import Session
from pbrealm._types import AnyClock, AnyRealm, AvatarT
from pbrealm.interfaces import ISession
from pbrealm.realms._base import SessionRealm, WrappingRealm
from pbrealm.realms._presence import Presence, PresenceTable, Subscriber


class MindTrackingRealm(WrappingRealm[AvatarT]):
    """
    Knows every session that is open, and calls the minds of the clients.
    """

    def __init__(
        self,
        realm: SessionRealm[AvatarT] | AnyRealm,
        *,
        timeout: float | None = NOTIFY_TIMEOUT,
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param realm: any realm.
        @param timeout: seconds that each client gets to answer a L{notify} or L{broadcast};
            L{None} for as long as it is there.
        @param clock: by default that of C{realm}, or else that of the sessions.
        @raise ValueError: unless the timeout is a positive number or L{None}.
        """
        super().__init__(realm, clock=clock)
        self._timeout = check_timeout("timeout", timeout)
        self._presence = PresenceTable()

    def sessions(self, avatar_id: str | None = None) -> Sequence[Session[AvatarT]]:
        """The sessions that are open now, of an avatar id or of all, oldest first."""
        return self._presence.sessions(avatar_id)

    def session(self, number: int) -> Session[AvatarT] | None:
        """The session that is open now and has an C{id}; L{None} if there is none."""
        return self._presence.session(number)

    def present(self) -> Sequence[Presence]:
        """
        The avatar ids that have sessions now, each with its sessions and since when it has any,
        in the order in which they came.
        """
        return self._presence.present()

    def presence(self, avatar_id: str) -> Presence | None:
        """What L{present} says of one avatar id; L{None} if it has no session now."""
        return self._presence.presence(avatar_id)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """
        Have C{subscriber(event)} called with an L{Arrival} for each session that opens and a
        L{Departure} for each that ends, from now on.  An exception in it is logged.

        @return: call it to unsubscribe.
        """
        return self._presence.subscribe(subscriber)

    def notify(
        self, avatar_id: str, method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[Session[AvatarT]]]:
        """
        Call a method of the mind of each client of an avatar id.  Never raises.

        @return: fires with a L{DeliveryReport} once each has answered, failed, gone or had its
            time, which C{pbtimeout} sets for this call; it never fails.  With C{pbanswer=False}
            no answers are asked for.
        """
        return self._broadcast(self.sessions(avatar_id), method, args, kw)

    def broadcast(
        self, method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[Session[AvatarT]]]:
        """
        Call a method of the mind of every client, as L{notify} does for one avatar id.
        """
        return self._broadcast(self.sessions(), method, args, kw)

    def _broadcast(
        self,
        sessions: Sequence[Session[AvatarT]],
        method: str,
        args: Sequence[object],
        kw: dict[str, object],
    ) -> Deferred[DeliveryReport[Session[AvatarT]]]:
        if not sessions:
            return succeed(DeliveryReport())
        return broadcast(
            [(session, session.mind, session) for session in sessions],
            method,
            args,
            kw,
            clock=self.clock or sessions[0].clock,
            timeout=self._timeout,
        )

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        admitted = await super().admit(session, interfaces)
        # request_avatar makes Sessions only; the public methods give them by their full type.
        self._presence.add(cast(Session, session))
        return admitted
