"""
First-in, first-out queues in which sessions wait for their turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from twisted.internet.defer import Deferred

from pbrealm.interfaces import ISession


class _Queue:
    """
    The sessions that wait behind the one whose turn it is.

    @ivar released: how many turns are over that nobody has taken over yet.
    @ivar releasing: whether a loop that hands turns over is running.
    """

    __slots__ = ("released", "releasing", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Deferred[None]] = deque()
        self.released = 0
        self.releasing = False


class Queues:
    """
    Queues by name; a queue exists while it is somebody's turn in it.
    """

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    def length(self, name: Hashable) -> int:
        """How many sessions are in a queue, the one whose turn it is included."""
        queue = self._queues.get(name)
        return 0 if queue is None else len(queue.waiting) + 1

    async def acquire(self, name: Hashable, session: ISession) -> None:
        """
        Wait for a session's turn in a queue; L{release} it once.

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

    def release(self, name: Hashable) -> None:
        """A turn is over: it is the next one's."""
        queue = self._queues[name]
        queue.released += 1
        if queue.releasing:
            # The next one may be done at once, before the loop below has control again.  Calling
            # it from here would recurse as deep as the queue is long.
            return
        queue.releasing = True
        while queue.released:
            queue.released -= 1
            if not queue.waiting:
                del self._queues[name]
                return
            queue.waiting.popleft().callback(None)
        queue.releasing = False
