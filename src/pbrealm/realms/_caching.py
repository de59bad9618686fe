"""
One avatar for each avatar id, shared by all its clients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm._session.session import Session
from pbrealm.realms._admission import put_on_avatar
from pbrealm.realms._base import FindingRealm
from pbrealm.realms._cache import AvatarCache


class CachingRealm(FindingRealm):
    """
    One avatar for each avatar id.

    Logins that come while it's being made wait for the same one; an avatar that fails to be made
    fails those logins, and the next one tries again.
    """

    def __init__(
        self,
        avatar_factory: Callable[[str], Any],
        *,
        linger: float | None = None,
        max_avatars: int | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id; may return a Deferred or a
            coroutine.
        @param linger: seconds that an avatar stays once its last session has ended; L{None} for
            good.
        @param max_avatars: how many avatars to keep with nobody on them; the one that was left
            longest ago goes first.  L{None} for any number.
        @param clock: by default the global reactor.
        """
        super().__init__(clock)
        self._avatars = AvatarCache(avatar_factory, linger=linger, most=max_avatars)

    @property
    def avatars(self) -> Mapping[str, Any]:
        """The avatars that are kept, by avatar id; read-only, and always as of now."""
        return self._avatars.made

    def evict(self, avatar_id: str) -> bool:
        """
        Forget an avatar: the next login gets a new one.  Sessions that are open keep theirs.

        @return: whether there was one.
        """
        return self._avatars.evict(avatar_id)

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        kept = await self._avatars.hold(session)
        return await put_on_avatar(session, kept.value, interfaces, kept.release)
