"""
A realm that bounds the number of sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import Interface

from pbrealm._arguments import MAX_COUNT, check_callable, check_most, described
from pbrealm._clock import clock_or_reactor
from pbrealm._slices import Slices
from pbrealm._types import AnyClock, AnyFullPolicy, AnyRealm, AvatarT
from pbrealm.errors import Reason, TooManyConnections
from pbrealm.interfaces import ISession
from pbrealm.policies import Refuse, too_many
from pbrealm.realms._base import SessionRealm, WrappingRealm
from pbrealm.realms._queue import Queues
from pbrealm.realms._slots import Slots

_TOTAL = object()
"""The name of the queue for slots of the total; the others are named by their key."""


class _Unset(Enum):
    """Stands for an argument that wasn't given."""

    UNSET = auto()


_UNSET: Final = _Unset.UNSET


class ConnectionLimitedRealm(WrappingRealm[AvatarT]):
    """
    Bounds how many sessions an avatar id has at once, or anything else that sessions are counted
    by, and how many there are in all.

    A session takes its slot after authentication, and before anything is waited for; the slot is
    free from the moment that the session ends.

    Where the avatar id has too many, a newcomer is refused for good; where it is all together, for
    now, for the reason "try again later".
    """

    def __init__(
        self,
        realm: SessionRealm[AvatarT] | AnyRealm,
        limit: int | Callable[[Any], int | None] | _Unset | None = _UNSET,
        *,
        total: int | None = None,
        key: Callable[[Any], Hashable] | None = None,
        on_full: AnyFullPolicy | None = None,
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param realm: any realm.
        @param limit: how many sessions an avatar id may have, or a callable that takes the avatar
            id and returns the number; L{None} for any number.  If neither this nor C{total} is
            given, it's 1; if only C{total} is, it's any number.
        @param total: how many sessions there may be in all; L{None} for any number.
        @param key: takes the session of a login, and returns what C{limit} counts sessions by
            instead of the avatar id, such as the name of the client's machine.
        @param on_full: the policy; by default L{Refuse<pbrealm.Refuse>}.
        @param clock: by default that of C{realm}.
        @raise ValueError: if a number isn't a positive whole number.
        @raise TypeError: if an argument is of the wrong kind.
        """
        if on_full is not None:
            _check_policy(on_full)
        if key is not None:
            check_callable("key", key)
        if isinstance(limit, _Unset):
            limit = 1 if total is None else None
        _check_limits(limit, total)
        super().__init__(realm, clock=clock)
        self._limit = limit
        self._slots = Slots(_limit_of(limit), total)
        self._key: Callable[[Any], Hashable] = _avatar_id if key is None else key
        self._queues = Queues()
        self._on_full: Any = Refuse() if on_full is None else on_full
        # What newcomers wait for, and how often the limits have been changed.
        self._deciding: set[Deferred[Any]] = set()
        self._changes = 0

    @property
    def limit(self) -> int | Callable[[Any], int | None] | None:
        """How many sessions an avatar id may have, or a callable that returns the number."""
        return self._limit

    @property
    def total(self) -> int | None:
        """How many sessions there may be in all."""
        return self._slots.total

    @property
    def on_full(self) -> AnyFullPolicy:
        """The policy."""
        policy: AnyFullPolicy = self._on_full
        return policy

    def change(
        self,
        *,
        limit: int | Callable[[Any], int | None] | _Unset | None = _UNSET,
        total: int | _Unset | None = _UNSET,
        on_full: AnyFullPolicy | _Unset = _UNSET,
    ) -> Deferred[int]:
        """
        Have other limits, or another policy, from now on; what isn't given stays.

        Those who are in are dealt with by the policy: where there are more sessions than there may
        be, it is asked as if the newest of them came now.  Those that it lets stay, stay.
        Newcomers that wait are decided on anew.

        @return: fires with how many sessions have ended, when the policy has decided; it never
            fails.
        @raise ValueError: if a number isn't a positive whole number.
        @raise TypeError: if an argument is of the wrong kind.
        """
        new_limit = self._limit if isinstance(limit, _Unset) else limit
        new_total = self.total if isinstance(total, _Unset) else total
        _check_limits(new_limit, new_total)
        if not isinstance(on_full, _Unset):
            _check_policy(on_full)
            self._on_full = on_full
        self._limit = new_limit
        self._slots.limit, self._slots.total = _limit_of(new_limit), new_total
        self._changes += 1
        for deciding in tuple(self._deciding):
            deciding.cancel()
        return Deferred.fromCoroutine(self._end_those_beyond())

    async def _end_those_beyond(self) -> int:
        slots, slices = self._slots, Slices(clock_or_reactor(self.clock))
        reductions: list[Deferred[int]] = []
        for key in slots.keys:
            own = self._reduce(partial(slots.beyond_own, key), slices)
            reductions.append(Deferred.fromCoroutine(own))
            await slices.pause()
        ended = [await each for each in reductions]
        return sum(ended) + await self._reduce(slots.beyond_total, slices)

    async def _reduce(self, beyond: Callable[[], Sequence[ISession]], slices: Slices) -> int:
        """
        Have the policy end sessions, until there are as many as may be, or it lets the rest stay.

        @param beyond: returns the sessions, oldest first, if there are too many; else none.
        @return: how many have ended.
        """
        ended, left = 0, beyond()
        while left:
            *others, newest = left
            try:
                await maybeDeferred(self._on_full.make_room, newest, others)
            except Exception:
                # The policy lets them stay.
                return ended
            left_now = sum(each.ended is None for each in left)
            if left_now == len(left):
                return ended
            ended += len(left) - left_now
            await slices.pause()
            left = beyond()
        return ended

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        key, queues, slots = self._key(session), self._queues, self._slots
        if (
            queues.length(key)
            or queues.length(_TOTAL)
            or slots.blocking_own(key) is not None
            or slots.blocking_total() is not None
        ):
            await self._wait_for_slot(session, key)
        else:
            slots.take(session, key)
        return await super().admit(session, interfaces)

    async def _wait_for_slot(self, newcomer: ISession, key: Hashable) -> None:
        # First the key has to have a free slot, then the total.  Whose turn it is for the total
        # waits in no other queue, so the queues can't deadlock.
        queues, slots = self._queues, self._slots
        # Its turn may be long in coming because the first one waits for the total.
        with _refused_for_now(slots.blocking_own(key) is None):
            await self._wait_for_turn(key, newcomer, key)
        try:
            await self._make_room(newcomer, lambda: slots.blocking_own(key))
            if not queues.length(_TOTAL) and slots.blocking_total() is None:
                slots.take(newcomer, key)
                return
            with _refused_for_now():
                await self._wait_for_total(newcomer, key)
        finally:
            queues.release(key)

    async def _wait_for_total(self, newcomer: ISession, key: Hashable) -> None:
        await self._wait_for_turn(_TOTAL, newcomer, key)
        try:
            await self._make_room(newcomer, self._slots.blocking_total)
            # Before either turn is released: the next newcomer is decided on at once.
            self._slots.take(newcomer, key)
        finally:
            self._queues.release(_TOTAL)

    async def _wait_for_turn(self, queue: Hashable, newcomer: ISession, key: Hashable) -> None:
        if self._queues.length(queue) >= self._on_full.waiting:
            raise too_many(newcomer, self._slots.holders(key))
        await self._queues.acquire(queue, newcomer)

    async def _make_room(
        self, newcomer: ISession, blocking: Callable[[], Sequence[ISession] | None]
    ) -> None:
        asked: Sequence[ISession] | None = None
        while (holders := blocking()) is not None:
            # The policy is asked again if others took the slot meanwhile; but if it has ended no
            # session, it would be asked for ever.
            if holders == asked or not holders:
                raise too_many(newcomer, holders)
            asked = holders
            changes = self._changes
            decision = maybeDeferred(self._on_full.make_room, newcomer, holders)
            self._deciding.add(decision)
            try:
                await newcomer.wait(decision)
            except Exception:
                if changes == self._changes or newcomer.ended is not None:
                    raise
            finally:
                self._deciding.discard(decision)
            if changes != self._changes:
                # It was decided by other limits.
                asked = None


@contextmanager
def _refused_for_now(full_in_all: bool = True) -> Iterator[None]:
    """
    Where it is all sessions together that are too many, have those who are refused come back: it
    isn't their own account that has too many.
    """
    try:
        yield
    except TooManyConnections as why:
        if full_in_all and why.reason is Reason.REFUSED:
            raise TooManyConnections(why.sentence, Reason.BUSY) from None
        raise


def _limit_of(limit: int | Callable[[Any], int | None] | None) -> Callable[[Any], int | None]:
    return limit if callable(limit) else lambda _: limit


def _check_limits(limit: object, total: object) -> None:
    if total is not None:
        _check_number("total", total)
    if limit is not None and not callable(limit):
        _check_number("limit", limit, ", a callable or None")


def _check_policy(policy: object) -> None:
    if isinstance(policy, type) or not callable(getattr(policy, "make_room", None)):
        raise TypeError(
            f"on_full must be a policy, such as ReplaceOldest(), not {described(policy)}"
        )
    if not hasattr(policy, "waiting"):
        raise TypeError(f"{described(policy)} is no policy without the attribute waiting")


def _avatar_id(session: ISession) -> str:
    return session.avatar_id


def _check_number(name: str, number: object, or_else: str = "") -> None:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} must be a positive number{or_else}, not {number!r}")
    check_most(name, number, MAX_COUNT)
