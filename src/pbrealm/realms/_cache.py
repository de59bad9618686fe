"""
One of each, by avatar id: made once, shared, and let go of when it is time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbrealm._session.session import Session

_log = Logger()


class CacheEntry:
    """
    What is kept for one avatar id.

    @ivar holders: how many sessions have hold of it, also while it is being made.
    @ivar waiting: who waits for it to be made; L{None} once it is.
    """

    __slots__ = ("_keeper", "expiry", "holders", "key", "value", "waiting")

    def __init__(self, keeper: AvatarCache, key: str) -> None:
        self._keeper = keeper
        self.key = key
        self.value: Any = None
        self.holders = 0
        self.waiting: list[Deferred[None]] | None = []
        self.expiry: IDelayedCall | None = None

    def release(self) -> None:
        """One holder less."""
        self._keeper.release(self)


class AvatarCache:
    """
    Makes what a factory makes, at most one for each avatar id, and keeps it by two rules: how
    long it stays with nobody holding it, and how many such there may be.
    """

    def __init__(
        self,
        factory: Callable[[str], Any],
        *,
        linger: float | None,
        most: int | None,
    ) -> None:
        """
        @param factory: may return a Deferred or a coroutine.
        @param linger: seconds; L{None} for good.
        @param most: how many to keep with nobody holding them; L{None} for any number.
        """
        if linger is not None and linger < 0:
            raise ValueError(f"linger must be None or at least 0 seconds, not {linger!r}")
        if most is not None and most < 0:
            raise ValueError(f"as many as {most!r} can't be kept")
        self._factory = factory
        self._linger = linger
        self._most = most
        # That of the sessions which hold it.
        self._clock: IReactorTime | None = None
        self._kept: dict[str, CacheEntry] = {}
        self._made: dict[str, Any] = {}
        self._idle: OrderedDict[str, CacheEntry] = OrderedDict()
        self.made: Mapping[str, Any] = MappingProxyType(self._made)

    async def hold(self, session: Session) -> CacheEntry:
        """
        Get hold of what belongs to the session's avatar id; L{release} it once.

        @raise SessionEnded: as soon as the session ends.
        @raise Exception: what the factory failed with; the next to come tries again.
        """
        kept = self._kept.get(session.avatar_id)
        new = kept is None
        if kept is None:
            kept = self._kept[session.avatar_id] = CacheEntry(self, session.avatar_id)
        kept.holders += 1
        self._clock = session.clock
        self._wake(kept)
        if kept.waiting is None:
            return kept
        made: Deferred[None] = Deferred()
        kept.waiting.append(made)
        if new:
            self._make(kept)
        try:
            await session.wait(made)
        except BaseException:
            if kept.waiting is not None and made in kept.waiting:
                kept.waiting.remove(made)
            self.release(kept)
            raise
        return kept

    def release(self, kept: CacheEntry) -> None:
        """One holder less; what nobody holds stays as long as the rules say."""
        kept.holders -= 1
        if not kept.holders and kept.waiting is None and self._kept.get(kept.key) is kept:
            self._rest(kept)

    def evict(self, key: str) -> bool:
        """
        Forget what is kept for an avatar id; those who hold it keep their hold on it.

        @return: whether there was anything.
        """
        kept = self._kept.get(key)
        if kept is None:
            return False
        self._forget(kept)
        return True

    def _make(self, kept: CacheEntry) -> None:
        maybeDeferred(self._factory, kept.key).addCallbacks(
            self._has_made, self._has_failed, callbackArgs=(kept,), errbackArgs=(kept,)
        )

    def _has_made(self, value: Any, kept: CacheEntry) -> None:
        kept.value = value
        waiting, kept.waiting = kept.waiting or [], None
        if self._kept.get(kept.key) is kept:
            self._made[kept.key] = value
            if not kept.holders:
                self._rest(kept)
        for made in waiting:
            made.callback(None)

    def _has_failed(self, why: Failure, kept: CacheEntry) -> None:
        waiting, kept.waiting = kept.waiting or [], None
        self._forget(kept)
        if not waiting:
            _log.failure("nobody waits any more for {key}, which failed", why, key=kept.key)
        for made in waiting:
            made.errback(why)

    def _rest(self, kept: CacheEntry) -> None:
        if self._linger == 0:
            self._forget(kept)
            return
        if self._linger is not None and self._clock is not None:
            kept.expiry = self._clock.callLater(self._linger, self._forget, kept)
        if self._most is not None:
            self._idle[kept.key] = kept
            if len(self._idle) > self._most:
                self._forget(next(iter(self._idle.values())))

    def _wake(self, kept: CacheEntry) -> None:
        self._idle.pop(kept.key, None)
        expiry, kept.expiry = kept.expiry, None
        if expiry is not None and expiry.active():
            expiry.cancel()

    def _forget(self, kept: CacheEntry) -> None:
        # By identity: a newer one may have the name by now.
        if self._kept.get(kept.key) is kept:
            self._wake(kept)
            del self._kept[kept.key]
            self._made.pop(kept.key, None)
