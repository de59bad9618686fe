"""
The demonstration that C{--demo} serves: its accounts, its avatar, and its limits on sessions.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.task import LoopingCall
from twisted.spread import pb
from zope.interface import implementer

from pbrealm._addresses import format_address
from pbrealm._delivery.client_sets import ClientSet
from pbrealm._session.session import current_session
from pbrealm.errors import Reason
from pbrealm.interfaces import IClientAware, IFullPolicy, ISession
from pbrealm.policies import Refuse, ReplaceOldest

if TYPE_CHECKING:
    from pbrealm.store import IStore

ACCOUNTS = {"alice": "secret", "bob": "secret"}
"""The names and passwords of the accounts."""

MIN_PERIOD, MAX_PERIOD = 0.1, 3600.0
"""The range of the clock's period, in seconds."""


@implementer(IClientAware)
class DemoAvatar(pb.Avatar):
    """
    An avatar with a clock: it periodically tells the time to the minds of its clients.

    The clock runs only while there are clients.
    """

    def __init__(self, avatar_id: str, state: MutableMapping[str, int] | None = None) -> None:
        """
        @param state: has the number of greetings; L{None} for a state that the avatar has alone.
        """
        self._avatar_id = avatar_id
        self._state = {} if state is None else state
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
        """Return a greeting with its number, the avatar id and the number of its clients."""
        number = self._state["greetings"] = self._state.get("greetings", 0) + 1
        count = len(self._clients)
        clients = "client" if count == 1 else "clients"
        return (
            f"hello {self._avatar_id}, greeting number {number}; this avatar has {count} {clients}"
        )

    def perspective_whoami(self) -> dict[str, Any]:
        """Return what the server knows about the session of the calling client."""
        session = current_session()
        if session is None:
            raise pb.Error("whoami can only be called by a client")
        return {
            "avatar_id": session.avatar_id,
            "session": session.id,
            "peer": format_address(session.peer),
            "since": session.since.isoformat(timespec="seconds"),
        }

    def perspective_setperiod(self, seconds: object) -> None:
        """Set the period of the clock, for all clients of this avatar."""
        if not isinstance(seconds, (int, float)) or not MIN_PERIOD <= seconds <= MAX_PERIOD:
            raise pb.Error(f"the period must be {MIN_PERIOD:g} to {MAX_PERIOD:g} seconds")
        self._period = float(seconds)
        if self._clock.running:
            self._clock.stop()
            self._clock.start(self._period, now=False)


def demo_avatars(store: IStore | None) -> Callable[[str], Any]:
    """Return what makes the avatars of accounts, with their state in the store if there is one."""
    if store is None:
        return DemoAvatar

    async def load(avatar_id: str) -> DemoAvatar:
        return DemoAvatar(avatar_id, await store.load(avatar_id))

    return load


def demo_limit(avatar_id: str) -> int:
    """Return the number of sessions that an avatar id may have: 2 for alice, 1 for others."""
    return 2 if avatar_id == "alice" else 1


@implementer(IFullPolicy)
class DemoPolicy:
    """
    Refuses a login beyond the limit to alice; for others it replaces the oldest session.
    """

    waiting = 1

    def __init__(self) -> None:
        self._refuse = Refuse()
        self._replace = ReplaceOldest()

    def make_room(self, newcomer: ISession, holders: Sequence[ISession]) -> None:
        policy = self._refuse if newcomer.avatar_id == "alice" else self._replace
        policy.make_room(newcomer, holders)
