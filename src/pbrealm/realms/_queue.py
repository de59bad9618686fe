"""
One at a time, in the order of arrival.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from twisted.internet.defer import Deferred

from pbrealm._session.session import Session


class _Queue:
    """
    Those who wait behind the one who has the turn.

    @ivar passes: how often the turn has been passed on, and nobody has got it yet.
    """

    __slots__ = ("passes", "passing", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Deferred[None]] = deque()
        self.passes = 0
        self.passing = False


class Queues:
    """
    Queues by name, each of which exists only while somebody has its turn.
    """

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    def queued(self, name: Hashable) -> int:
        """How many have the turn or wait for it."""
        queue = self._queues.get(name)
        return 0 if queue is None else len(queue.waiting) + 1

    async def take(self, name: Hashable, session: Session) -> None:
        """
        Wait for the turn; L{pass_on} it once.

        @raise SessionEnded: as soon as the session ends; it has no turn then.
        """
        queue = self._queues.get(name)
        if queue is None:
            self._queues[name] = _Queue()
            return
        turn: Deferred[None] = Deferred()
        queue.waiting.append(turn)
        try:
            await session.wait(turn)
        except BaseException:
            queue.waiting.remove(turn)
            raise

    def pass_on(self, name: Hashable) -> None:
        """It's the next one's turn."""
        queue = self._queues[name]
        queue.passes += 1
        if queue.passing:
            # The next one is done before the loop that gave it its turn has got control back: a
            # long queue that finds room all at once would be a deep recursion.
            return
        queue.passing = True
        while queue.passes:
            queue.passes -= 1
            if not queue.waiting:
                del self._queues[name]
                return
            queue.waiting.popleft().callback(None)
        queue.passing = False
