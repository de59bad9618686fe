"""
The pace of the administration's work.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._pace import BURST, MAX_PAUSE, SHARE, Pace


class PaceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.pace = Pace(self.clock)
        self.steps: list[str] = []
        self.worked = 0.0

    def work(self, name: str, seconds: float) -> None:
        self.steps.append(name)
        self.worked += seconds
        # Time goes by while no other call is made.
        self.clock.rightNow += seconds

    async def slices(self, name: str, count: int, seconds: float) -> str:
        for _ in range(count):
            self.work(name, seconds)
            await deferLater(self.clock, 0)
        return name

    def run_work(self, work: Any) -> Deferred[Any]:
        async def run() -> Any:
            return await self.pace.run(work)

        return Deferred.fromCoroutine(run())

    def turn(self) -> None:
        """Make the calls that are due, but none that they ask for."""
        due = [each for each in self.clock.calls if each.getTime() <= self.clock.seconds()]
        for each in due:
            self.clock.calls.remove(each)
            each.called = 1
            each.func(*each.args, **each.kw)

    def test_result(self):
        done = self.run_work(self.slices("a", 3, 0))
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(done), "a")

    def test_exceptions(self):
        """They go both ways."""

        async def catch() -> str:
            waiting: Deferred[None] = Deferred()
            self.clock.callLater(1, waiting.errback, ZeroDivisionError())
            try:
                await waiting
            except ZeroDivisionError:
                raise KeyError("caught") from None
            return ""

        done = self.run_work(catch())
        self.clock.advance(0)
        self.clock.advance(1)
        self.failureResultOf(done, KeyError)

    def test_results_awaited(self):
        """What is awaited has its result also after a turn."""

        async def double() -> int:
            waiting: Deferred[int] = Deferred()
            self.clock.callLater(1, waiting.callback, 3)
            return 2 * await waiting

        done = self.run_work(double())
        self.clock.advance(0)
        self.clock.advance(1)
        self.assertEqual(self.successResultOf(done), 6)

    def test_turns(self):
        """Those that want to go on do so one after the other, each in a turn of the reactor."""
        for name in "abc":
            self.run_work(self.slices(name, 5, 0.002))
        before = 0
        while len(self.steps) < 15:
            self.turn()
            self.assertLessEqual(len(self.steps) - before, 1)
            before = len(self.steps)
        self.assertEqual("".join(self.steps[:3]), "abc")
        self.assertEqual({name: self.steps.count(name) for name in "abc"}, dict.fromkeys("abc", 5))

    def test_burst(self):
        """Work that is short all in all isn't held up."""
        done = self.run_work(self.slices("a", 400, BURST / 500))
        begun = self.clock.seconds()
        while self.clock.calls:
            self.turn()
        self.assertEqual(self.successResultOf(done), "a")
        self.assertAlmostEqual(self.clock.seconds() - begun, self.worked)

    def test_share(self):
        """In the long run it takes its share."""
        for _ in range(98):
            self.run_work(self.slices("a", 10_000, 0.002))
        while self.clock.seconds() < 1000:
            self.clock.advance(0.001)
        self.assertLess(self.worked, BURST + SHARE * 1000 + 1)
        self.assertGreater(self.worked, SHARE * 1000 * 0.9)

    def test_waiting_costs_nothing(self):
        """Who waits for something else holds nobody up."""

        async def wait() -> None:
            await Deferred()

        for _ in range(1000):
            self.run_work(wait())
        self.clock.advance(0)
        self.clock.advance(1000)
        done = self.run_work(self.slices("a", 1, 0))
        self.clock.advance(0)
        self.successResultOf(done)

    def test_clock_is_set(self):
        """A clock that is set forward holds up work for some seconds only."""
        done = self.run_work(self.slices("a", 1, 1e9))
        self.clock.advance(0)
        again = self.run_work(self.slices("a", 1, 0))
        self.clock.advance(0)
        self.clock.advance(MAX_PAUSE)
        self.successResultOf(done)
        self.successResultOf(again)

    def test_other_work(self):
        """Other work that is charged again and again doesn't keep a step waiting for ever."""
        self.pace.charge(10 * BURST)
        self.run_work(self.slices("a", 1, 0))
        while self.clock.seconds() <= MAX_PAUSE:
            self.assertEqual(self.steps, [])
            self.clock.advance(0.01)
            self.pace.charge(1)
        self.clock.advance(0.01)
        self.assertEqual(self.steps, ["a"])

    def test_cancelled(self):
        """Who waits for a turn may leave; who comes after it has the turn."""
        ended: list[str] = []

        async def work() -> None:
            try:
                await succeed(None)
                await Deferred()
            finally:
                ended.append("work")

        begun = self.run_work(work())
        self.clock.advance(0)
        first, second = self.run_work(work()), self.run_work(self.slices("b", 1, 0))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(second), "b")
        begun.cancel()
        self.clock.advance(0)
        self.failureResultOf(begun, CancelledError)
        self.assertEqual(ended, ["work"])
        last = self.run_work(work())
        last.cancel()
        self.failureResultOf(last, CancelledError)
        self.assertEqual(self.clock.calls, [])
