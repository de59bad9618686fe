"""
A realm with one avatar for each avatar id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from pbrealm._arguments import check_callable
from pbrealm._types import AnyClock, AvatarFactory, AvatarT
from pbrealm.interfaces import ISession
from pbrealm.realms._avatar_cache import AvatarCache
from pbrealm.realms._base import FindingRealm


class CachingRealm(FindingRealm[AvatarT]):
    """
    One avatar for each avatar id, shared by all its clients.

    Logins that come while the avatar is being made wait for the same one.  If making it fails,
    those logins fail, and the next one tries again.
    """

    def __init__(
        self,
        avatar_factory: AvatarFactory[AvatarT],
        *,
        linger: float | None = None,
        max_avatars: int | None = None,
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id; may return a Deferred or a
            coroutine.
        @param linger: seconds that an avatar is kept after its last session has ended; L{None}
            for ever.
        @param max_avatars: how many avatars without sessions are kept; the one that was left
            first goes first.  L{None} for any number.
        @param clock: by default that of the server, or the global reactor.
        """
        check_callable("avatar_factory", avatar_factory)
        super().__init__(clock=clock)
        self._avatars = AvatarCache(
            avatar_factory, self._lifetimes, linger=linger, max_idle=max_avatars
        )

    @property
    def avatars(self) -> Mapping[str, AvatarT]:
        """The avatars in the cache, by avatar id; read-only, and always up to date."""
        return self._avatars.made

    def close(self) -> Deferred[None]:
        closed = super().close()
        self._avatars.let_go_of_idle()
        return closed

    def evict(self, avatar_id: str) -> bool:
        """
        Remove an avatar from the cache: the next login gets a new one.  Open sessions keep theirs,
        and it's retired when the last of them has ended.

        @return: whether there was one.
        """
        return self._avatars.evict(avatar_id)

    def has_avatar(self, avatar_id: str) -> bool:
        return avatar_id in self.avatars

    async def find_avatar(self, session: ISession) -> tuple[Any, Callable[[], object]]:
        entry = await self._avatars.hold(session)
        return entry.value, partial(self._avatars.release, entry, session.clock)
