"""
A cache of what a factory makes for each avatar id: avatars, or their state.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import auto
from types import MappingProxyType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from pbrealm._arguments import MAX_SECONDS, check_most
from pbrealm._transitions import State, Transitions
from pbrealm.interfaces import ISession
from pbrealm.realms._lifetimes import Lifetimes


class _EntryState(State):
    MAKING = auto()
    """The factory is making the value."""

    MADE = auto()
    """Sessions may hold the value."""

    OVER = auto()
    """Making it has failed, or the cache has let go of it."""


_ENTRY: Final = Transitions(
    {
        _EntryState.MAKING: (_EntryState.MADE, _EntryState.OVER),
        _EntryState.MADE: (_EntryState.OVER,),
        _EntryState.OVER: (),
    }
)


class CacheEntry:
    """
    What is cached for one avatar id.

    @ivar clock: of the session that held it last.
    @ivar holders: how many sessions hold it, also while it is being made.
    @ivar waiting: who waits for it to be made.
    @ivar expiry: ends the linger, while that runs.
    """

    __slots__ = ("avatar_id", "clock", "expiry", "holders", "state", "value", "waiting")

    def __init__(self, avatar_id: str, clock: IReactorTime) -> None:
        self.avatar_id = avatar_id
        self.clock = clock
        self.state = _EntryState.MAKING
        self.value: Any = None
        self.holders = 0
        self.waiting: list[Deferred[None]] = []
        self.expiry: IDelayedCall | None = None

    def become(self, state: _EntryState) -> None:
        self.state = _ENTRY.to(state, self.state)


class AvatarCache:
    """
    Makes at most one value for each avatar id, and keeps it while sessions hold it.

    Values that nobody holds are idle.  Two rules bound them: how long a value stays idle, and how
    many values do.  A value that is neither held nor kept is retired.

    @ivar made: the values, by avatar id; read-only, and always up to date.
    """

    def __init__(
        self,
        factory: Callable[[str], Any],
        lifetimes: Lifetimes,
        *,
        linger: float | None,
        max_idle: int | None,
    ) -> None:
        """
        @param factory: may return a Deferred or a coroutine.
        @param lifetimes: of what the realm makes.  Once that is closed, no value stays idle.
        @param linger: seconds that a value stays idle; L{None} for ever.
        @param max_idle: how many values stay idle; L{None} for any number.
        """
        if linger is not None and linger < 0:
            raise ValueError(f"linger must be None or at least 0 seconds, not {linger!r}")
        if linger is not None:
            check_most("linger", linger, MAX_SECONDS)
        if max_idle is not None and max_idle < 0:
            raise ValueError(f"as many as {max_idle!r} can't be kept")
        self._factory = factory
        self._lifetimes = lifetimes
        self._linger = linger
        self._max_idle = max_idle
        self._entries: dict[str, CacheEntry] = {}
        self._made: dict[str, Any] = {}
        # The longest idle first.
        self._idle: OrderedDict[str, CacheEntry] = OrderedDict()
        self.made: Mapping[str, Any] = MappingProxyType(self._made)

    async def hold(self, session: ISession) -> CacheEntry:
        """
        Hold the value for the session's avatar id, and wait until it is made.

        @return: to L{release} once.
        @raise LoginRefused: if the last one takes too long to retire.
        @raise SessionEnded: as soon as the session ends.
        @raise Exception: what the factory failed with.  The next call tries again.
        """
        avatar_id, entries = session.avatar_id, self._entries
        if avatar_id not in entries and self._lifetimes.is_retiring(avatar_id):
            await self._lifetimes.wait(session, needless=lambda: avatar_id in entries)
        entry = entries.get(avatar_id)
        new = entry is None
        if entry is None:
            entry = entries[avatar_id] = CacheEntry(avatar_id, session.clock)
        entry.holders += 1
        self._not_idle(entry)
        if entry.state is _EntryState.MADE:
            return entry
        made: Deferred[None] = Deferred()
        entry.waiting.append(made)
        if new:
            self._make(entry, session)
        try:
            await session.wait(made)
        except BaseException:
            if made in entry.waiting:
                entry.waiting.remove(made)
            self.release(entry, session.clock)
            raise
        return entry

    def release(self, entry: CacheEntry, clock: IReactorTime) -> Deferred[None] | None:
        """
        A session doesn't hold a value any more.

        @param clock: what the linger runs by.
        @return: fires when the value has retired, and never fails; L{None} if it isn't retired
            now.
        """
        entry.holders -= 1
        if entry.holders or entry.state is not _EntryState.MADE:
            return None
        entry.clock = clock
        return self._not_held(entry)

    def evict(self, avatar_id: str) -> bool:
        """
        Remove the value for an avatar id.  Sessions that hold it keep it.

        @return: whether there was one.
        """
        entry = self._entries.get(avatar_id)
        if entry is None:
            return False
        self._let_go(entry)
        return True

    def let_go_of_idle(self) -> None:
        """Remove all values that nobody holds."""
        for entry in tuple(self._entries.values()):
            if not entry.holders:
                self._let_go(entry)

    def _make(self, entry: CacheEntry, session: ISession) -> None:
        self._lifetimes.make(self._factory, entry.avatar_id).addCallbacks(
            self._has_made,
            self._has_failed,
            callbackArgs=(entry,),
            errbackArgs=(entry, session),
        )

    def _has_made(self, value: Any, entry: CacheEntry) -> None:
        entry.become(_EntryState.MADE)
        entry.value = value
        waiting, entry.waiting = entry.waiting, []
        if self._is_kept(entry):
            self._made[entry.avatar_id] = value
        if not entry.holders:
            self._not_held(entry)
        for made in waiting:
            made.callback(None)

    def _has_failed(self, why: Failure, entry: CacheEntry, session: ISession) -> None:
        entry.become(_EntryState.OVER)
        waiting, entry.waiting = entry.waiting, []
        self._remove(entry)
        if not waiting:
            what = "making the avatar or state failed, and no login waits for it"
            session.log_failure(what, why)
        for made in waiting:
            made.errback(why)

    def _is_kept(self, entry: CacheEntry) -> bool:
        # By identity: the avatar id may have a newer entry by now.
        return self._entries.get(entry.avatar_id) is entry

    def _not_held(self, entry: CacheEntry) -> Deferred[None] | None:
        if not self._is_kept(entry) or self._linger == 0 or self._lifetimes.closed:
            return self._let_go(entry)
        if self._linger is not None:
            entry.expiry = entry.clock.callLater(self._linger, self._let_go, entry)
        if self._max_idle is None:
            return None
        self._idle[entry.avatar_id] = entry
        if len(self._idle) <= self._max_idle:
            return None
        longest = next(iter(self._idle.values()))
        retired = self._let_go(longest)
        return retired if longest is entry else None

    def _not_idle(self, entry: CacheEntry) -> None:
        self._idle.pop(entry.avatar_id, None)
        expiry, entry.expiry = entry.expiry, None
        if expiry is not None and expiry.active():
            expiry.cancel()

    def _remove(self, entry: CacheEntry) -> None:
        if self._is_kept(entry):
            self._not_idle(entry)
            del self._entries[entry.avatar_id]
            self._made.pop(entry.avatar_id, None)

    def _let_go(self, entry: CacheEntry) -> Deferred[None] | None:
        self._remove(entry)
        if entry.holders or entry.state is not _EntryState.MADE:
            # It is retired once it's neither.
            return None
        entry.become(_EntryState.OVER)
        return self._lifetimes.retire(entry.avatar_id, entry.value, entry.clock)
