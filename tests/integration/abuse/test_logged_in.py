"""
Attacks by clients that have logged in.
"""

from __future__ import annotations

from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase

TIMES = 5 if LONG else 1
"""How much more the longer form sends."""


class LoggedInTests(AbuseTestCase):
    async def test_one_connection_may_log_in_and_out_repeatedly(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("login_loop", logins=200 * TIMES)
        self.assertEqual(outcome, {"accepted": 200 * TIMES})
        await self.check_recovery(max_growth=8 * MB)

    async def test_logins_of_one_connection_are_limited(self) -> None:
        await self.serve("--limit", "100", logins=8)
        (outcome,) = await self.attack("login_loop", logins=1100, keep=1)
        self.assertEqual(outcome["accepted"], 8)
        await self.check_recovery(max_growth=8 * MB)

    async def test_references_of_one_connection_are_limited(self) -> None:
        """A client may have references to 1,024 objects."""
        await self.serve()
        (outcome,) = await self.attack("references", calls=1100)
        self.assertLess(outcome["answer"], 1025)
        self.assertEqual(outcome["closed"], 1)
        await self.check_recovery(max_growth=8 * MB)

    async def test_an_invalid_decref_closes_the_connection(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("decrefs")
        self.assertEqual(outcome["closed"], outcome["of"])
        await self.check_recovery(max_growth=8 * MB)

    async def test_ids_of_other_connections_are_errors(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("foreign_ids")
        self.assertEqual(list(outcome), ["error"])
        await self.check_recovery(max_growth=8 * MB)

    async def test_deeply_nested_lists_need_bounded_memory(self) -> None:
        """A client that has logged in may nest 200 lists."""
        await self.serve()
        await self.attack("deep_lists", total=4 * MB * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_many_lists_need_bounded_memory(self) -> None:
        """
        A message of 1.6 MB with 200,000 lists is within the limits.  The server needs the memory
        of these lists while it answers.
        """
        await self.serve()
        (outcome,) = await self.attack("many_lists")
        self.assertEqual(outcome["kind"], "answer")
        await self.check_recovery(max_growth=400 * MB)

    async def test_unread_answers_need_bounded_memory(self) -> None:
        """The server keeps a few answers, and reads no more calls."""
        await self.serve()
        (outcome,) = await self.attack("unread_answers")
        self.assertIn(outcome["how"], ("closed", "not read"))
        await self.check_recovery(max_growth=16 * MB)
