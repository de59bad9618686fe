"""
One at a time for each name, in the order of arrival.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

from pbrealm._session import Session


class Turns:
    """
    A queue for each avatar id, which exists only while somebody has the turn.
    """

    def __init__(self) -> None:
        self._queues: dict[str, deque[Deferred[None]]] = {}

    def queued(self, avatar_id: str) -> int:
        """How many have the turn or wait for it."""
        queue = self._queues.get(avatar_id)
        return 0 if queue is None else len(queue) + 1

    async def take(self, session: Session) -> None:
        """
        Wait for the turn; L{pass_on} it once.

        @raise SessionEnded: as soon as the session ends; it has no turn then.
        """
        queue = self._queues.get(session.avatar_id)
        if queue is None:
            self._queues[session.avatar_id] = deque()
            return
        turn: Deferred[None] = Deferred()
        queue.append(turn)
        try:
            await session.wait(turn)
        except BaseException:
            queue.remove(turn)
            raise

    def pass_on(self, avatar_id: str) -> None:
        """It's the next one's turn."""
        queue = self._queues[avatar_id]
        if queue:
            queue.popleft().callback(None)
        else:
            del self._queues[avatar_id]
