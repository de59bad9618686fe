"""
What C{--demo} serves: an avatar that shows what a session is, and rules for who may have how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.spread import pb
from zope.interface import implementer

from pbrealm._addresses import format_address
from pbrealm._delivery.client_sets import ClientSet
from pbrealm._session.session import current_session
from pbrealm.errors import Reason
from pbrealm.interfaces import IClientAware, IFullPolicy, ISession
from pbrealm.policies import Refuse, ReplaceOldest

ACCOUNTS = {"alice": "secret", "bob": "secret"}
"""Names and passwords of the demonstration."""

SHORTEST, LONGEST = 0.1, 3600.0
"""Seconds between which the period of the clock can be set."""


@implementer(IClientAware)
class DemoAvatar(pb.Avatar):
    """
    An avatar with a clock, which ticks into the minds of its clients as long as it has any.
    """

    def __init__(self, avatar_id: str) -> None:
        self._avatar_id = avatar_id
        self._clients = ClientSet()
        self._period = 1.0
        self._clock = LoopingCall(self._tick)

    def attached(self, session: ISession) -> None:
        self._clients.add(session)
        if not self._clock.running:
            self._clock.clock = session.clock
            self._clock.start(self._period, now=False)

    def detached(self, session: ISession, reason: Reason) -> None:
        if not self._clients and self._clock.running:
            self._clock.stop()

    def _tick(self) -> None:
        self._clients.notify("notifyTime", self._clock.clock.seconds(), pbanswer=False)

    def perspective_greet(self) -> str:
        """Say to whom, and to how many of its clients, this avatar belongs."""
        many = len(self._clients)
        return f"hello {self._avatar_id}, this avatar has {many} client{'s'[: many != 1]}"

    def perspective_whoami(self) -> dict[str, Any]:
        """Say what the server knows of the client that asks."""
        session = current_session()
        if session is None:
            raise pb.Error("nobody asked")
        return {
            "avatar_id": session.avatar_id,
            "session": session.id,
            "peer": format_address(session.peer),
            "since": session.since.isoformat(timespec="seconds"),
        }

    def perspective_setperiod(self, seconds: object) -> None:
        """Set the seconds between two ticks, for all clients of this avatar."""
        if not isinstance(seconds, (int, float)) or not SHORTEST <= seconds <= LONGEST:
            raise pb.Error(f"the period must be {SHORTEST:g} to {LONGEST:g} seconds")
        self._period = float(seconds)
        if self._clock.running:
            self._clock.stop()
            self._clock.start(self._period, now=False)


def demo_limit(avatar_id: str) -> int:
    """Alice may be logged in twice, everybody else once."""
    return 2 if avatar_id == "alice" else 1


@implementer(IFullPolicy)
class DemoPolicy:
    """A login too many is refused to alice, and replaces the one before for everybody else."""

    waiting = 1

    def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> None:
        policy = Refuse() if newcomer.avatar_id == "alice" else ReplaceOldest()
        policy.make_room(newcomer, holders)
