"""
What the realms have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface, implementer

from pbrealm._session.session import Session
from pbrealm.interfaces import ISessionRealm
from pbrealm.realms._admission import Login, avatar_id_from, clock_of, identify, log_in


@implementer(ISessionRealm)
class FindingRealm:
    """
    A realm that finds the avatar.
    """

    def __init__(self, clock: IReactorTime | None) -> None:
        self.clock = clock

    def requestAvatar(
        self, avatarId: object, mind: object, *interfaces: type[Interface]
    ) -> Deferred[Login]:
        return log_in(self, avatarId, mind, interfaces)

    def identify(self, avatarId: object) -> str:
        return avatar_id_from(avatarId)

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        raise NotImplementedError("each realm has its own way to find an avatar")


class WrappingRealm(FindingRealm):
    """
    A realm around another, which has the say on names and, where nothing else is given, the clock.
    """

    def __init__(self, realm: IRealm, clock: IReactorTime | None) -> None:
        super().__init__(clock or clock_of(realm))
        self._realm = realm

    def identify(self, avatarId: object) -> str:
        return identify(self._realm, avatarId)
