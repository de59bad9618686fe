"""
A realm with an avatar for each login, over state that is one for each avatar id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic

from twisted.internet.defer import Deferred

from pbrealm._arguments import check_callable
from pbrealm._types import AnyClock, AvatarFactory, AvatarT, StateT
from pbrealm.interfaces import ISession
from pbrealm.realms._avatar_cache import AvatarCache
from pbrealm.realms._base import FindingRealm


class SharedStateRealm(FindingRealm[AvatarT], Generic[AvatarT, StateT]):
    """
    A new avatar for each login, over state that all logins of one avatar id share.

    The state is kept as L{CachingRealm} keeps avatars.
    """

    def __init__(
        self,
        avatar_factory: Callable[[str, StateT], Awaitable[AvatarT]]
        | Callable[[str, StateT], AvatarT],
        state_factory: AvatarFactory[StateT],
        *,
        linger: float | None = None,
        max_states: int | None = None,
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param avatar_factory: makes an avatar from an avatar id and its state; may return a
            Deferred or a coroutine.
        @param state_factory: makes the state from an avatar id; may return a Deferred or a
            coroutine.
        @param linger: seconds that state is kept after its last session has ended; L{None} for
            ever.
        @param max_states: how many states without sessions are kept; the one that was left first
            goes first.  L{None} for any number.
        @param clock: by default that of the server, or the global reactor.
        """
        check_callable("avatar_factory", avatar_factory)
        check_callable("state_factory", state_factory)
        super().__init__(clock=clock)
        self._avatar_factory = avatar_factory
        self._states = AvatarCache(
            state_factory, self._lifetimes, linger=linger, max_idle=max_states
        )

    @property
    def states(self) -> Mapping[str, StateT]:
        """The states in the cache, by avatar id; read-only, and always up to date."""
        return self._states.made

    def close(self) -> Deferred[None]:
        closed = super().close()
        self._states.let_go_of_idle()
        return closed

    def evict(self, avatar_id: str) -> bool:
        """
        Remove a state from the cache: the next login gets a new one.  Open sessions keep theirs,
        and it's retired when the last of them has ended.

        @return: whether there was one.
        """
        return self._states.evict(avatar_id)

    async def find_avatar(self, session: ISession) -> tuple[Any, Callable[[], object]]:
        entry = await self._states.hold(session)
        release = partial(self._states.release, entry, session.clock)
        return await self.make_avatar(session, self._avatar_factory, entry.value, release=release)
