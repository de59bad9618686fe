"""
A realm with an avatar for each login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pbrealm._arguments import check_callable
from pbrealm._types import AnyClock, AvatarFactory, AvatarT
from pbrealm.interfaces import ISession
from pbrealm.realms._base import FindingRealm


class DisposableRealm(FindingRealm[AvatarT]):
    """
    A new avatar for each login, which is retired when the session ends.
    """

    def __init__(
        self, avatar_factory: AvatarFactory[AvatarT], *, clock: AnyClock | None = None
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id; may return a Deferred or a
            coroutine.
        @param clock: by default that of the server, or the global reactor.
        """
        check_callable("avatar_factory", avatar_factory)
        super().__init__(clock=clock)
        self._avatar_factory = avatar_factory

    async def find_avatar(self, session: ISession) -> tuple[Any, Callable[[], object]]:
        return await self.make_avatar(session, self._avatar_factory)
