"""
The figures of a server at one time, which are gathered in slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pbrealm._server.factory import ServerFactory
from pbrealm._server.stats import SLICE_SECONDS, Carried, ServerStats
from pbrealm._slices import Slices
from pbrealm.realms._mind_tracking import MindTrackingRealm


@dataclass(frozen=True)
class Figures:
    """What a server does just now, and has done so far."""

    sessions: int
    away: int
    """Sessions whose client has lost its connection, and may come back."""

    avatar_ids: int
    """How many have a session."""

    draining: bool
    """Whether a drain was begun."""

    server: ServerStats


class FigureGatherer:
    """
    Gathers the figures of a server.
    """

    def __init__(
        self, realm: MindTrackingRealm[Any], factory: ServerFactory, clock: IReactorTime
    ) -> None:
        self._realm = realm
        self._factory = factory
        self._clock = clock
        self._carried = Carried()

    async def gather(self) -> Figures:
        """Gather them."""
        sessions = self._realm.sessions()
        away, avatar_ids = 0, set()
        slices = Slices(self._clock, SLICE_SECONDS)
        for session in sessions:
            away += session.away
            avatar_ids.add(session.avatar_id)
            await slices.pause()
        server = await self._factory.stats()
        # What is written to a connection that was just lost may have been counted last time.
        # Of a counter that falls, a reader thinks that it begins anew.
        server.carried = self._carried = self._carried.at_least(server.carried)
        draining = self._factory.draining is not None
        return Figures(len(sessions), away, len(avatar_ids), draining, server)
