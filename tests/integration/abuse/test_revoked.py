"""
Attacks by clients whose session was ended: what it has handed out stays revoked.
"""

from __future__ import annotations

from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase

ROUNDS = 25 if LONG else 5


class RevokedTests(AbuseTestCase):
    async def test_while_a_wrong_password_waits(self) -> None:
        await self.serve(throttle_after_failures=1, throttle_seconds=0.1, throttle_max_seconds=0.1)
        (outcome,) = await self.attack("call_while_a_wrong_password_waits", rounds=ROUNDS)
        expected = {"through": 0, "of": 3 * ROUNDS, "waited": ROUNDS}
        self.assertEqual(outcome, expected)
        await self.check_recovery(max_growth=8 * MB)

    async def test_after_another_session_s_logout(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("call_after_a_logout", rounds=ROUNDS)
        self.assertEqual(outcome, {"through": 0, "of": ROUNDS})
        await self.check_recovery(max_growth=8 * MB)

    async def test_guest_before_the_goodbye_is_over(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("log_in_before_the_goodbye_is_over", rounds=ROUNDS)
        self.assertEqual(outcome, {"through": 0, "guests": 0, "of": ROUNDS})
        await self.check_recovery(max_growth=8 * MB)

    async def test_changes_of_a_shared_dictionary(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("follow_changes", rounds=ROUNDS)
        self.assertEqual(outcome, {"before": 5 * ROUNDS, "after": 0})
        await self.check_recovery(max_growth=8 * MB)
