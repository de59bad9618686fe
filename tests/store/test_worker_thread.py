"""
The thread that waits for the disk.
"""

import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pbrealm.store._worker_thread import WorkerThread
from tests.store.cases import threads


class WorkerThreadTests(TestCase):
    def make(self):
        global_reactor: Any = reactor
        thread = WorkerThread("pbrealm.test", global_reactor)
        self.addCleanup(thread.stop)
        return thread

    async def test_order(self):
        thread = self.make()
        done: list[int] = []
        results: list[Deferred[None]] = [thread.call(done.append, n) for n in range(100)]
        for result in results:
            await result
        self.assertEqual(done, list(range(100)))

    async def test_errors(self):
        """Whatever a function raises fails its call, and the thread goes on."""
        thread = self.make()

        def leave():
            raise SystemExit("no")

        with self.assertRaises(SystemExit):
            await thread.call(leave)
        self.assertEqual(await thread.call(int, "5"), 5)

    async def test_starts_when_the_reactor_runs(self):
        """What is called before isn't lost."""
        thread = self.make()
        called = thread.call(threading.get_ident)
        self.assertEqual(threads(), [])
        self.assertNotEqual(await called, threading.get_ident())
        self.assertEqual(threads(), ["pbrealm.test"])

    async def test_finish_before_the_reactor_runs(self):
        """It needs no thread; the one that is there later does what is called later."""
        thread = self.make()
        called = [thread.call(threading.get_ident) for _ in range(2)]
        thread.finish()
        self.assertEqual([await each for each in called], 2 * [threading.get_ident()])
        await deferLater(reactor, 0)
        self.assertEqual(threads(), [])
        self.assertNotEqual(await thread.call(threading.get_ident), threading.get_ident())

    async def test_finish_leads_to_further_calls(self):
        thread = self.make()
        await thread.call(int)
        results: list[int] = []
        for _ in range(2):
            thread.call(int, "1").addCallback(results.append).addCallback(
                lambda _: thread.call(int, "2").addCallback(results.append)
            )
        thread.finish()
        self.assertEqual(results, [1, 1, 2, 2])

    def test_never_used(self):
        self.make().stop()
        self.assertEqual(threads(), [])
