"""
What to do with a newcomer when there is no room.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pbrealm._avatar_ids import is_guest
from pbrealm._session.connection import format_address
from pbrealm._session.session import Session
from pbrealm.errors import Reason, TooManyConnections
from pbrealm.interfaces import IFullPolicy


def too_many(newcomer: Session, holders: Sequence[Session]) -> TooManyConnections:
    """The refusal that says who holds the places, to one who may know it: the same user."""
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
    """Those who are in stay in."""

    waiting = 1

    def make_room(self, newcomer: Session, holders: Sequence[Session]) -> None:
        raise too_many(newcomer, holders)


@implementer(IFullPolicy)
class ReplaceOldest:
    """
    The newcomer gets the place of the one that has held it longest, which is told so.

    Where it's the places of all that are taken, that is one of its own user's if there is any,
    and of a guest's if the newcomer is a guest.
    """

    waiting = 1

    def make_room(self, newcomer: Session, holders: Sequence[Session]) -> None:
        _oldest(newcomer, holders).end(Reason.REPLACED)


@implementer(IFullPolicy)
class PingOldest:
    """
    The one that has held its place longest keeps it if it answers; else the newcomer gets it.

    It's asked as L{ReplaceOldest} would replace it.
    """

    waiting = 10

    def __init__(self, timeout: float = 10) -> None:
        """
        @param timeout: seconds to wait for the answer.
        """
        self.timeout = _positive("timeout", timeout)

    async def make_room(self, newcomer: Session, holders: Sequence[Session]) -> None:
        oldest = _oldest(newcomer, holders)
        alive = await oldest.is_alive(self.timeout)
        if any(holder.ended is not None for holder in holders):
            # Meanwhile somebody has left anyway.
            return
        if alive:
            raise too_many(newcomer, holders)
        oldest.end(Reason.NO_ANSWER)


@implementer(IFullPolicy)
class WaitForRoom:
    """The newcomer waits until somebody leaves."""

    def __init__(self, timeout: float = 30, waiting: int = 100) -> None:
        """
        @param timeout: seconds, from its login, that a newcomer waits before it's refused.
        @param waiting: how many may wait for each avatar id, and for a place in all.
        """
        self.timeout = _positive("timeout", timeout)
        self.waiting = int(_positive("waiting", waiting))

    def make_room(self, newcomer: Session, holders: Sequence[Session]) -> Deferred[None]:
        room: Deferred[None] = Deferred()

        def over(_: object, reason: Reason) -> None:
            for session in watched:
                session.forget_on_end(over)
            if timer.active():
                timer.cancel()
            if not room.called:
                room.callback(None)

        def give_up() -> None:
            room.errback(too_many(newcomer, holders))

        # Its time runs from its login: it may have stood in the queue before its turn came.
        left = newcomer.since.timestamp() + self.timeout - newcomer.clock.seconds()
        timer = newcomer.clock.callLater(max(0, left), give_up)
        watched = [*holders, newcomer]
        for session in watched:
            session.on_end(over)
        return room


def _oldest(newcomer: Session, holders: Sequence[Session]) -> Session:
    """
    Whose place the newcomer may get: the oldest of its own user's, if there are any, else the
    oldest of all; but a guest's is all that a guest may get, or strangers could turn out users.
    """
    own = [holder for holder in holders if holder.avatar_id == newcomer.avatar_id]
    if not own and is_guest(newcomer.avatar_id):
        own = [holder for holder in holders if is_guest(holder.avatar_id)]
        if not own:
            raise too_many(newcomer, holders)
    return (own or holders)[0]


def _positive(name: str, number: float) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not number > 0:
        raise ValueError(f"{name} must be a positive number, not {number!r}")
    return number
