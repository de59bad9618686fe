"""
The queues in which newcomers wait.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Session, SessionEnded
from pbrealm.realms._queue import Queues


class QueuesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.queues = Queues()

    def session(self) -> Session:
        return Session("alice", None, self.clock)

    def acquire(self, name: str = "queue", session: Session | None = None) -> Deferred[None]:
        return Deferred.fromCoroutine(self.queues.acquire(name, session or self.session()))

    def test_first_does_not_wait(self) -> None:
        self.assertEqual(self.queues.length("queue"), 0)
        self.successResultOf(self.acquire())
        self.assertEqual(self.queues.length("queue"), 1)

    def test_in_order(self) -> None:
        first, second, third = (self.acquire() for _ in range(3))
        self.successResultOf(first)
        self.assertNoResult(second)
        self.assertEqual(self.queues.length("queue"), 3)
        self.queues.release("queue")
        self.successResultOf(second)
        self.assertNoResult(third)
        self.queues.release("queue")
        self.successResultOf(third)
        self.queues.release("queue")
        self.assertEqual(self.queues._queues, {})

    def test_names_are_apart(self) -> None:
        self.successResultOf(self.acquire("one"))
        self.successResultOf(self.acquire("two"))

    def test_session_that_ends(self) -> None:
        """It leaves the queue at once, and the next one moves up."""
        self.successResultOf(self.acquire())
        session = self.session()
        second, third = self.acquire(session=session), self.acquire()
        session.end()
        self.failureResultOf(second, SessionEnded)
        self.assertEqual(self.queues.length("queue"), 2)
        self.queues.release("queue")
        self.successResultOf(third)

    def test_no_deep_recursion(self) -> None:
        """Sessions that release the queue as soon as they have acquired it, very many of them."""
        self.successResultOf(self.acquire())
        waiting = [self.acquire() for _ in range(2000)]
        for acquired in waiting:
            acquired.addCallback(lambda _: self.queues.release("queue"))
        self.queues.release("queue")
        for acquired in waiting:
            self.successResultOf(acquired)
        self.assertEqual(self.queues._queues, {})
