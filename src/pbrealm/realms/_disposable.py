"""
An avatar for each login, gone at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm._session.session import Session
from pbrealm.realms._admission import put_on_avatar
from pbrealm.realms._base import FindingRealm


class DisposableRealm(FindingRealm):
    """
    A new avatar for each login, which nobody else gets to see.
    """

    def __init__(
        self, avatar_factory: Callable[[str], Any], *, clock: IReactorTime | None = None
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id; may return a Deferred or a
            coroutine.
        @param clock: by default the global reactor.
        """
        super().__init__(clock)
        self._avatar_factory = avatar_factory

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        avatar = await session.wait(maybeDeferred(self._avatar_factory, session.avatar_id))
        return await put_on_avatar(session, avatar, interfaces, _nothing_kept)


def _nothing_kept() -> None:
    """The logout from an avatar that nothing holds but the session."""
