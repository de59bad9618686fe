"""
A cache of what a factory makes for each avatar id: avatars, or their state.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from pbrealm.interfaces import ISession


class CacheEntry:
    """
    What is cached for one avatar id.

    @ivar holders: how many sessions hold it, also while it is being made.
    @ivar waiting: who waits for it to be made; L{None} once it is.
    @ivar expiry: ends the linger, while that runs.
    """

    __slots__ = ("avatar_id", "expiry", "holders", "value", "waiting")

    def __init__(self, avatar_id: str) -> None:
        self.avatar_id = avatar_id
        self.value: Any = None
        self.holders = 0
        self.waiting: list[Deferred[None]] | None = []
        self.expiry: IDelayedCall | None = None


class AvatarCache:
    """
    Makes at most one value for each avatar id, and keeps it while sessions hold it.

    Values that nobody holds are idle.  Two rules bound them: how long a value stays idle, and how
    many values do.

    @ivar made: the values, by avatar id; read-only, and always up to date.
    """

    def __init__(
        self,
        factory: Callable[[str], Any],
        *,
        linger: float | None,
        max_idle: int | None,
    ) -> None:
        """
        @param factory: may return a Deferred or a coroutine.
        @param linger: seconds that a value stays idle; L{None} for ever.
        @param max_idle: how many values stay idle; L{None} for any number.
        """
        if linger is not None and linger < 0:
            raise ValueError(f"linger must be None or at least 0 seconds, not {linger!r}")
        if max_idle is not None and max_idle < 0:
            raise ValueError(f"as many as {max_idle!r} can't be kept")
        self._factory = factory
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
        @raise SessionEnded: as soon as the session ends.
        @raise Exception: what the factory failed with.  The next call tries again.
        """
        entry = self._entries.get(session.avatar_id)
        new = entry is None
        if entry is None:
            entry = self._entries[session.avatar_id] = CacheEntry(session.avatar_id)
        entry.holders += 1
        self._not_idle(entry)
        if entry.waiting is None:
            return entry
        made: Deferred[None] = Deferred()
        entry.waiting.append(made)
        if new:
            self._make(entry, session)
        try:
            await session.wait(made)
        except BaseException:
            if entry.waiting is not None and made in entry.waiting:
                entry.waiting.remove(made)
            self.release(entry, session.clock)
            raise
        return entry

    def release(self, entry: CacheEntry, clock: IReactorTime) -> None:
        """
        A session doesn't hold a value any more.

        @param clock: what the linger runs by.
        """
        entry.holders -= 1
        if (
            not entry.holders
            and entry.waiting is None
            and self._entries.get(entry.avatar_id) is entry
        ):
            self._now_idle(entry, clock)

    def evict(self, avatar_id: str) -> bool:
        """
        Remove the value for an avatar id.  Sessions that hold it keep it.

        @return: whether there was one.
        """
        entry = self._entries.get(avatar_id)
        if entry is None:
            return False
        self._remove(entry)
        return True

    def _make(self, entry: CacheEntry, session: ISession) -> None:
        maybeDeferred(self._factory, entry.avatar_id).addCallbacks(
            self._has_made,
            self._has_failed,
            callbackArgs=(entry, session.clock),
            errbackArgs=(entry, session),
        )

    def _has_made(self, value: Any, entry: CacheEntry, clock: IReactorTime) -> None:
        entry.value = value
        waiting, entry.waiting = entry.waiting or [], None
        if self._entries.get(entry.avatar_id) is entry:
            self._made[entry.avatar_id] = value
            if not entry.holders:
                self._now_idle(entry, clock)
        for made in waiting:
            made.callback(None)

    def _has_failed(self, why: Failure, entry: CacheEntry, session: ISession) -> None:
        waiting, entry.waiting = entry.waiting or [], None
        self._remove(entry)
        if not waiting:
            what = "making the avatar or state failed, and no login waits for it"
            session.log_failure(what, why)
        for made in waiting:
            made.errback(why)

    def _now_idle(self, entry: CacheEntry, clock: IReactorTime) -> None:
        if self._linger == 0:
            self._remove(entry)
            return
        if self._linger is not None:
            entry.expiry = clock.callLater(self._linger, self._remove, entry)
        if self._max_idle is not None:
            self._idle[entry.avatar_id] = entry
            if len(self._idle) > self._max_idle:
                self._remove(next(iter(self._idle.values())))

    def _not_idle(self, entry: CacheEntry) -> None:
        self._idle.pop(entry.avatar_id, None)
        expiry, entry.expiry = entry.expiry, None
        if expiry is not None and expiry.active():
            expiry.cancel()

    def _remove(self, entry: CacheEntry) -> None:
        # By identity: the avatar id may have a newer entry by now.
        if self._entries.get(entry.avatar_id) is entry:
            self._not_idle(entry)
            del self._entries[entry.avatar_id]
            self._made.pop(entry.avatar_id, None)
