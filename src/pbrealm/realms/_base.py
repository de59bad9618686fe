"""
The bases of the realms.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, implementer

from pbrealm._avatar_ids import avatar_id_from
from pbrealm.interfaces import ISession, ISessionRealm
from pbrealm.realms._admission import Login, admit, clock_of, identify, request_avatar


@implementer(ISessionRealm)
class SessionRealm:
    """
    A realm of pbrealm's.
    """

    def __init__(self, *, clock: IReactorTime | None = None) -> None:
        self.clock = clock

    def requestAvatar(
        self, avatarId: object, mind: object, *interfaces: type[Interface]
    ) -> Deferred[Login]:
        return request_avatar(self, avatarId, mind, interfaces)

    def identify(self, avatarId: object) -> str:
        return avatar_id_from(avatarId)

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        raise NotImplementedError("a realm finds the avatar, or passes the session on")


class WrappingRealm(SessionRealm):
    """
    A realm around another, which passes every session on to it.

    To write a realm of your own, subclass this, override L{admit}, and await that of this class::

        class Members(WrappingRealm):
            async def admit(self, session, interfaces):
                if session.avatar_id not in self.members:
                    raise LoginRefused("members only")
                return await super().admit(session, interfaces)

    In C{admit}, wait for Deferreds with C{await session.wait(deferred)}: that ends as soon as the
    session does.  C{session.on_end(callback)} tells when a session that was admitted ends.

    @ivar realm: the realm within.
    """

    def __init__(self, realm: IRealm, *, clock: IReactorTime | None = None) -> None:
        """
        @param realm: any realm.
        @param clock: by default that of C{realm}.
        """
        super().__init__(clock=clock or clock_of(realm))
        self.realm = realm

    def identify(self, avatarId: object) -> str:
        """Determine the avatar id as the realm within does."""
        return identify(self.realm, avatarId)

    def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> Coroutine[Any, Any, tuple[type[Interface], Any]]:
        """
        Pass a session on to the realm within.

        @return: the interface that was chosen, and its provider.  It raises what the realm within
            refuses the login with.
        """
        return admit(self.realm, session, interfaces)
