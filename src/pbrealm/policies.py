"""
Policies for a L{ConnectionLimitedRealm<pbrealm.ConnectionLimitedRealm>} that is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pbrealm._addresses import format_address
from pbrealm._arguments import MAX_SECONDS, check_most, check_seconds
from pbrealm._avatar_ids import is_guest
from pbrealm._journal import log_contention
from pbrealm.errors import Reason, TooManyConnections
from pbrealm.interfaces import IFullPolicy, ISession

MAX_STAY = 600.0
"""Seconds to which the time that a session can't be replaced doubles at most."""


def too_many(newcomer: ISession, holders: Sequence[ISession]) -> TooManyConnections:
    """
    The refusal of a newcomer.

    It names the addresses of those holders that are the newcomer's own, and of nobody else's.
    """
    held = ", ".join(
        f"from {format_address(holder.peer)} since {holder.since:%Y-%m-%d %H:%M:%S} UTC"
        for holder in holders
        if holder.avatar_id == newcomer.avatar_id
    )
    if not held:
        return TooManyConnections("as many clients are logged in as may be")
    return TooManyConnections(f"{newcomer.avatar_id} is logged in already, {held}")


@implementer(IFullPolicy)
class Refuse:
    """Refuse the newcomer."""

    waiting = 1

    def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> None:
        raise too_many(newcomer, holders)


@implementer(IFullPolicy)
class ReplaceOldest:
    """
    End the oldest session, for the reason "replaced", and give its slot to the newcomer.

    Where the total is reached, an avatar id's own sessions are replaced before those of others,
    and a guest replaces only guests.

    Two clients of one account that both come back by themselves would replace each other for
    ever.  So a session that has replaced another isn't replaced itself for some seconds, and each
    time that this goes on the seconds double.  The newcomer is refused meanwhile, for the reason
    "try again later", and the journal says so once.
    """

    waiting = 1

    def __init__(self, stay: float = 10) -> None:
        """
        @param stay: seconds that a session which has replaced another can't be replaced; 0 for
            none.
        @raise ValueError: if it isn't a number, or negative, or too large.
        """
        check_seconds("stay", stay)
        self.stay = stay
        # By the session that has replaced another.
        self._replaced: WeakKeyDictionary[ISession, _Replacement] = WeakKeyDictionary()

    def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> None:
        replaceable = _replaceable(newcomer, holders)
        for holder in replaceable:
            if not self._left_to_stay(newcomer, holder):
                self._replace(newcomer, holder)
                return
        self._refuse(newcomer, holders, replaceable)

    def _left_to_stay(self, newcomer: ISession, holder: ISession) -> float:
        replacement = self._replaced.get(holder)
        if replacement is None:
            return 0
        return max(0, replacement.stay - _age(newcomer, holder))

    def _replace(self, newcomer: ISession, holder: ISession) -> None:
        if self.stay:
            before = self._replaced.get(holder)
            stay = self.stay
            if before is not None and _age(newcomer, holder) < 2 * before.stay:
                stay = min(2 * before.stay, max(self.stay, MAX_STAY))
            self._replaced[newcomer] = _Replacement(stay)
        holder.end(Reason.REPLACED)

    def _refuse(
        self, newcomer: ISession, holders: Sequence[ISession], replaceable: Sequence[ISession]
    ) -> None:
        if not replaceable:
            raise too_many(newcomer, holders)
        holder = min(replaceable, key=lambda each: self._left_to_stay(newcomer, each))
        seconds = ceil(self._left_to_stay(newcomer, holder))
        replacement = self._replaced[holder]
        if not replacement.logged:
            replacement.logged = True
            log_contention(newcomer, holder, seconds)
        if holder.avatar_id == newcomer.avatar_id:
            text = f"{newcomer.avatar_id} has just logged in from {format_address(holder.peer)}"
        else:
            text = "as many clients are logged in as may be"
        raise TooManyConnections(f"{text}; try again in {seconds} s", Reason.BUSY)


class _Replacement:
    """
    What is known of a session that has replaced another.

    @ivar stay: seconds that it can't be replaced.
    @ivar logged: whether the journal says that others want to.
    """

    __slots__ = ("logged", "stay")

    def __init__(self, stay: float) -> None:
        self.stay = stay
        self.logged = False


def _age(newcomer: ISession, holder: ISession) -> float:
    return newcomer.clock.seconds() - holder.since.timestamp()


@implementer(IFullPolicy)
class PingOldest:
    """
    Ping the client of the oldest session: refuse the newcomer if it answers, else replace it.

    The oldest session is the one that L{ReplaceOldest} would end.
    """

    waiting = 10

    def __init__(self, timeout: float = 10) -> None:
        """
        @param timeout: seconds to wait for the answer.
        @raise ValueError: unless it is positive, and not too large.
        """
        self.timeout = _positive("timeout", timeout)

    async def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> None:
        oldest = _oldest(newcomer, holders)
        alive = await oldest.is_alive(self.timeout)
        if any(holder.ended is not None for holder in holders):
            # There is room now, whatever the answer was.
            return
        if alive:
            raise too_many(newcomer, holders)
        oldest.end(Reason.NO_ANSWER)


@implementer(IFullPolicy)
class WaitForRoom:
    """Let the newcomer wait until a session ends."""

    def __init__(self, timeout: float = 30, waiting: int = 100) -> None:
        """
        @param timeout: seconds from its login that a newcomer waits before it is refused.
        @param waiting: how many newcomers may wait for each avatar id, and for the total.
        @raise ValueError: unless both are positive, and not too large.
        """
        self.timeout = _positive("timeout", timeout)
        self.waiting = int(_positive("waiting", waiting))

    def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> Deferred[None]:
        def stop() -> None:
            for session in watched:
                session.forget_on_end(ended)
            if timer.active():
                timer.cancel()

        room: Deferred[None] = Deferred(lambda _: stop())

        def ended(_: ISession, reason: Reason) -> None:
            stop()
            if not room.called:
                room.callback(None)

        def give_up() -> None:
            room.errback(too_many(newcomer, holders))

        # The timeout runs from the login, which may have waited in the queue before.
        left = newcomer.since.timestamp() + self.timeout - newcomer.clock.seconds()
        timer = newcomer.clock.callLater(max(0, left), give_up)
        watched = [*holders, newcomer]
        for session in watched:
            session.on_end(ended)
        return room


def _oldest(newcomer: ISession, holders: Sequence[ISession]) -> ISession:
    """
    The session whose slot the newcomer may take: the oldest of its own avatar id, or of all.

    @raise TooManyConnections: for a guest where there are no guests, or anonymous clients could
        end the sessions of users.
    """
    replaceable = _replaceable(newcomer, holders)
    return replaceable[0]


def _replaceable(newcomer: ISession, holders: Sequence[ISession]) -> Sequence[ISession]:
    """
    The sessions whose slot the newcomer may take, as L{_oldest}: those whose client is away first,
    then the oldest.
    """
    own = [holder for holder in holders if holder.avatar_id == newcomer.avatar_id]
    if not own and is_guest(newcomer.avatar_id):
        own = [holder for holder in holders if is_guest(holder.avatar_id)]
        if not own:
            raise too_many(newcomer, holders)
    return sorted(own or holders, key=lambda holder: not holder.away)


def _positive(name: str, number: float) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not number > 0:
        raise ValueError(f"{name} must be a positive number, not {number!r}")
    check_most(name, number, MAX_SECONDS)
    return number


__all__ = ["PingOldest", "Refuse", "ReplaceOldest", "WaitForRoom"]
