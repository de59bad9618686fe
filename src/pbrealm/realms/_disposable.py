"""
A realm with an avatar for each login.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm.interfaces import ISession
from pbrealm.realms._admission import attach_to_avatar
from pbrealm.realms._base import SessionRealm


class DisposableRealm(SessionRealm):
    """
    A new avatar for each login, which is dropped when the session ends.
    """

    def __init__(
        self, avatar_factory: Callable[[str], Any], *, clock: IReactorTime | None = None
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id; may return a Deferred or a
            coroutine.
        @param clock: by default that of the server, or the global reactor.
        """
        super().__init__(clock=clock)
        self._avatar_factory = avatar_factory

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        avatar = await session.wait(maybeDeferred(self._avatar_factory, session.avatar_id))
        return await attach_to_avatar(session, avatar, interfaces, _no_logout)


def _no_logout() -> None:
    """Nothing but the session holds the avatar."""
