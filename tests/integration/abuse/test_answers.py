"""
Attacks by what a client answers, or by how it lets itself be called.
"""

from __future__ import annotations

from tests.delivery.odd_errors import ODD_ERRORS
from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase

TIMES = 5 if LONG else 1
"""How much more the longer form sends."""

ANSWER_SECONDS = 2
"""How long the clients have to answer a broadcast."""

SLACK = 5
"""Seconds that a loaded machine may need on top."""


class AnswerTests(AbuseTestCase):
    async def test_odd_answers_keep_no_report_from_coming(self) -> None:
        """An error of C{[None]} kept it for ever."""
        await self.serve("--timeout", str(ANSWER_SECONDS))
        (outcome,) = await self.attack("odd_answers", rounds=TIMES)
        self.assertEqual(outcome["reports"], 2 * len(ODD_ERRORS) * TIMES + 1)
        self.assertEqual(outcome["with the bystander"], outcome["reports"])
        # An odd answer is one that has come, so nothing waits for the timeout.
        self.assertLess(outcome["longest"], ANSWER_SECONDS)
        self.assertGreaterEqual(outcome["unanswered"], ANSWER_SECONDS)
        self.assertLess(outcome["unanswered"], ANSWER_SECONDS + SLACK)
        await self.check_recovery(max_growth=8 * MB, max_log=20_000, may_fail=True)

    async def test_many_notifications_at_once_leave_a_client_that_answers(self) -> None:
        """1,001 of them ended it as too slow."""
        await self.serve()
        (outcome,) = await self.attack("notifications_at_once", count=1001 * TIMES)
        self.assertEqual(outcome, {"answered": 1001 * TIMES, "afterwards": "answer"})
        await self.check_recovery(max_growth=8 * MB * TIMES)

    async def test_long_ids_of_objects_are_not_kept(self) -> None:
        """116 MB stayed for good."""
        await self.serve()
        (outcome,) = await self.attack("long_ids", calls=300 * TIMES)
        self.assertGreater(outcome["sent"], 30_000_000 * TIMES)
        self.assertEqual(outcome["as a mind"], 0)
        await self.check_recovery(max_growth=8 * MB, may_fail=True)
