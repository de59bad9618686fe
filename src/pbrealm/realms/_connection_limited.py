"""
No more sessions than there are places for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Interface

from pbrealm._session.session import Session
from pbrealm.interfaces import IFullPolicy
from pbrealm.policies import Refuse, too_many
from pbrealm.realms._admission import enter
from pbrealm.realms._base import WrappingRealm
from pbrealm.realms._queue import Queues
from pbrealm.realms._slots import Slots

_EVERYBODY = object()
"""The queue of those who wait for a place in all."""


class ConnectionLimitedRealm(WrappingRealm):
    """
    Bounds how many sessions an avatar id has at once, and how many there are in all.

    A place is taken before anything is waited for, and only after authentication; it's free from
    the moment that the session ends.
    """

    def __init__(
        self,
        realm: IRealm,
        limit: int | Callable[[str], int] = 1,
        *,
        total: int | None = None,
        on_full: IFullPolicy | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param realm: any realm.
        @param limit: how many sessions an avatar id may have, or a callable that tells it from
            the avatar id.
        @param total: how many there may be in all; L{None} for any number.
        @param on_full: by default L{Refuse<pbrealm.Refuse>}.
        @param clock: by default that of C{realm}.
        """
        if total is not None:
            _check_number("total", total)
        if not callable(limit):
            _check_number("limit", limit)
        super().__init__(realm, clock)
        self._places = Slots(limit if callable(limit) else lambda _: limit, total)
        self._turns = Queues()
        self._on_full: Any = Refuse() if on_full is None else on_full

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        avatar_id, turns, places = session.avatar_id, self._turns, self._places
        if (
            turns.queued(avatar_id)
            or turns.queued(_EVERYBODY)
            or places.own_in_the_way(avatar_id) is not None
            or places.all_in_the_way() is not None
        ):
            await self._wait_for_place(session)
        else:
            places.take(session)
        return await enter(self._realm, session, interfaces)

    async def _wait_for_place(self, newcomer: Session) -> None:
        # First one's own avatar id has to have room, then the whole; whoever has the turn of the
        # whole waits for no other turn.
        avatar_id, places = newcomer.avatar_id, self._places
        await self._take_turn(avatar_id, newcomer)
        try:
            await self._make_room(newcomer, lambda: places.own_in_the_way(avatar_id))
            if not self._turns.queued(_EVERYBODY) and places.all_in_the_way() is None:
                places.take(newcomer)
                return
            await self._take_turn(_EVERYBODY, newcomer)
            try:
                await self._make_room(newcomer, places.all_in_the_way)
                # Before either turn passes on: the next one is decided on at once.
                places.take(newcomer)
            finally:
                self._turns.pass_on(_EVERYBODY)
        finally:
            self._turns.pass_on(avatar_id)

    async def _take_turn(self, queue: Hashable, newcomer: Session) -> None:
        if self._turns.queued(queue) >= self._on_full.waiting:
            raise too_many(newcomer, self._places.of(newcomer.avatar_id))
        await self._turns.take(queue, newcomer)

    async def _make_room(
        self, newcomer: Session, in_the_way: Callable[[], Sequence[Session] | None]
    ) -> None:
        asked: Sequence[Session] | None = None
        while (holders := in_the_way()) is not None:
            # Asking again is for those who were overtaken while they waited; a policy that made
            # nobody leave would be asked forever.
            if holders == asked or not holders:
                raise too_many(newcomer, holders)
            asked = holders
            await newcomer.wait(maybeDeferred(self._on_full.make_room, newcomer, holders))


def _check_number(name: str, number: object) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"{name} must be a positive number, not {number!r}")
