"""
Attacks on the server's log: what clients send gets there escaped, cut, and at a bounded rate.
"""

from __future__ import annotations

import re

from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase

TIMES = 5 if LONG else 1
"""How much more the longer form sends."""


class LogTests(AbuseTestCase):
    async def test_control_characters_are_escaped(self) -> None:
        await self.serve(throttle_seconds=0)
        rounds = 10 * TIMES
        (outcome,) = await self.attack("control_characters", rounds=rounds)
        self.assertEqual(outcome, {"refused": rounds, "error": 2 * rounds, "answer": rounds})
        await self.check_recovery(max_growth=8 * MB, max_log=10_000 + 6_000 * TIMES, may_fail=True)
        log = self.server.err[self.logged_before :]
        self.assertIn("[31malice: logged in", log)
        self.assertEqual(re.findall(r"[^\n\t -~]", log), [])
        # Each event begins with its time, what belongs to it with white space.
        self.assertEqual(re.findall(r"(?m)^alice: logged in", log), [])

    async def test_unanswered_calls_log_little(self) -> None:
        """16 KB had 64 KB logged."""
        await self.serve()
        for attack in ("unanswered_calls", "unanswered_short_calls"):
            (outcome,) = await self.attack(attack, rounds=10 * TIMES)
            self.assertEqual(outcome["closed"], 10 * TIMES)
            # Two lines for each connection, besides the lines for errors.
            self.assertLess(self.log_written, 20_000 + 800 * TIMES * 10)
        await self.check_recovery(max_growth=8 * MB)

    async def test_responses_without_an_answer_are_no_unhandled_errors(self) -> None:
        await self.serve(throttle_seconds=0.01)
        await self.attack("unasked_responses", rounds=12 * TIMES)
        await self.check_recovery(max_growth=8 * MB, max_log=10_000 * TIMES)

    async def test_failing_calls_log_little(self) -> None:
        """Less than a tenth of what they send."""
        await self.serve()
        (outcome,) = await self.attack("failing_calls", calls=300 * TIMES)
        self.assertEqual(outcome["error"] + outcome.get("answer", 0), 300 * TIMES)
        await self.check_recovery(max_growth=64 * MB, max_log=outcome["sent"] // 10, may_fail=True)

    async def test_short_failing_calls_are_logged_at_a_bounded_rate(self) -> None:
        """They had up to 56 times what they send logged."""
        await self.serve()
        (outcome,) = await self.attack("short_failing_calls", calls=1000 * TIMES)
        self.assertEqual(outcome["error"], 1000 * TIMES)
        # Sixty lines of 200 bytes, and each kind of error in full.
        await self.check_recovery(max_growth=8 * MB, max_log=12_000 + 8_000, may_fail=True)
