"""
Attacks by clients that read slowly: what waits for them is bounded, and who reads steadily stays.
"""

from __future__ import annotations

from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase

TOTAL = 300 * MB if LONG else 40 * MB
"""Bytes to have sent."""

PING = 1
"""Seconds of the interval between pings, and of their timeout."""


class SlowReaderTests(AbuseTestCase):
    async def check_bounded(self, **numbers: int) -> None:
        """
        The session ends each time that 8 MB wait, besides what is sent next and what the
        kernel has taken.  For a notification whose answer is awaited, the arguments and their
        encoding are kept, too.
        """
        await self.serve()
        (outcome,) = await self.attack("slow_reader", total=TOTAL, **numbers)
        self.assertGreaterEqual(outcome["bytes"], TOTAL)
        self.assertGreaterEqual(outcome["ended"], TOTAL // (20 * MB))
        await self.check_recovery(max_growth=48 * MB)

    async def test_changes_of_a_shared_dictionary(self) -> None:
        """300 MB waited for one client that reads 100 KB/s."""
        await self.check_bounded(shared=1)

    async def test_notifications(self) -> None:
        await self.check_bounded(shared=0)

    async def test_notifications_without_a_vocabulary(self) -> None:
        """300 MB waited, since these took another path."""
        await self.check_bounded(shared=0, dialect=1)

    async def test_client_that_reads_steadily_is_not_dead(self) -> None:
        """One that reads 50 KB/s was ended after 75 seconds."""
        await self.serve(ping_interval=PING, ping_timeout=PING)
        seconds = 30 if LONG else 4 * PING
        (outcome,) = await self.attack("steady_reader", seconds=seconds)
        self.assertEqual(outcome["afterwards"], "answer")
        self.assertGreater(outcome["taken"], 20_000 * seconds)
        await self.check_recovery(max_growth=64 * MB)
