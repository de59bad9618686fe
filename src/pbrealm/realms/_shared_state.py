"""
An avatar for each login, over state that is one for each avatar id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm._session.session import Session
from pbrealm.realms._admission import put_on_avatar
from pbrealm.realms._base import FindingRealm
from pbrealm.realms._cache import AvatarCache


class SharedStateRealm(FindingRealm):
    """
    A new avatar for each login, over state that all logins of one avatar id share.

    The state is kept as L{CachingRealm} keeps avatars.
    """

    def __init__(
        self,
        avatar_factory: Callable[[str, Any], Any],
        state_factory: Callable[[str], Any],
        *,
        linger: float | None = None,
        max_states: int | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id and its state; may return a
            Deferred or a coroutine.
        @param state_factory: makes the state from an avatar id; may, too.
        @param linger: seconds that state stays once the last session on it has ended; L{None}
            for good.
        @param max_states: how many to keep with nobody on them; the one that was left longest
            ago goes first.  L{None} for any number.
        @param clock: by default the global reactor.
        """
        super().__init__(clock)
        self._avatar_factory = avatar_factory
        self._states = AvatarCache(state_factory, linger=linger, most=max_states)

    @property
    def states(self) -> Mapping[str, Any]:
        """The states that are kept, by avatar id; read-only, and always as of now."""
        return self._states.made

    def evict(self, avatar_id: str) -> bool:
        """
        Forget a state: the next login gets a new one.  Sessions that are open keep theirs.

        @return: whether there was one.
        """
        return self._states.evict(avatar_id)

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        kept = await self._states.hold(session)
        try:
            making = maybeDeferred(self._avatar_factory, session.avatar_id, kept.value)
            avatar = await session.wait(making)
        except BaseException:
            kept.release()
            raise
        return await put_on_avatar(session, avatar, interfaces, kept.release)
