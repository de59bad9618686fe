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
        (outcome,) = await self.attack("login_loop", logins=100)
        self.assertEqual(outcome, {"accepted": 100})
        await self.check_recovery(max_growth=8 * MB)

    async def test_one_connection_may_not_log_in_and_out_without_a_pause(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("login_loop", logins=200 * TIMES)
        # One a second is allowed.
        self.assertLess(outcome["accepted"], 200)
        self.assertGreater(outcome["refused"] + outcome["closed"], 0)
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
        self.assertGreater(outcome["calls"], 20)
        await self.check_recovery(max_growth=16 * MB)


class BudgetTests(AbuseTestCase):
    """
    Messages that are built to take more of the server than their bytes call for.
    """

    async def test_colliding_keys_are_refused(self) -> None:
        """720 KB took 20 seconds."""
        await self.serve()
        (outcome,) = await self.attack("colliding_keys")
        self.assertEqual(outcome["error"], 2)
        await self.check_recovery(max_growth=64 * MB, may_fail=True)

    async def test_keys_at_the_same_places_are_refused(self) -> None:
        """1.1 MB took 2.7 seconds."""
        await self.serve()
        (outcome,) = await self.attack("keys_at_the_same_places", size=2 ** (18 if LONG else 17))
        self.assertEqual(outcome["kind"], "error")
        await self.check_recovery(max_growth=128 * MB, may_fail=True)

    async def test_forged_minds_are_refused(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("forged_minds")
        self.assertEqual(outcome, {"error": 3})
        await self.check_recovery(max_growth=8 * MB)

    async def test_keyword_arguments_are_not_kept(self) -> None:
        """30 MB stayed for good."""
        await self.serve()
        (outcome,) = await self.attack("kept_arguments", calls=300 * TIMES)
        self.assertEqual(outcome, {"error": 300 * TIMES})
        await self.check_recovery(max_growth=16 * MB)
