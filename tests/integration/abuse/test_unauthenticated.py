"""
Attacks by clients that have not logged in.
"""

from __future__ import annotations

from typing import Any

from tests.integration.abuse.abuse_case import LONG, MB, AbuseTestCase
from tests.integration.waiting import wait_until

TIMES = 5 if LONG else 1
"""How much more the longer form sends."""

LOGIN_SECONDS = 3 if LONG else 1.5
"""A short time limit for a login, in which a loaded machine can still log in."""


class BytesTests(AbuseTestCase):
    """
    Bytes that are no login: the memory that they need is bounded by what an unauthenticated client
    may send, which is 64 KB on one connection.
    """

    async def test_nested_lists_need_bounded_memory(self) -> None:
        """64 MB of nested list headers over 16 connections take less than 8 MB."""
        await self.serve()
        (outcome,) = await self.attack("nested_lists", total=64 * MB * TIMES)
        self.assertGreaterEqual(outcome["sent"], 64 * MB)
        await self.check_recovery(max_growth=8 * MB)

    async def test_nested_lists_need_much_more_memory_under_plain_pb(self) -> None:
        """A tenth of the bytes makes Twisted's own factory need five times the memory."""
        if not LONG:
            self.skipTest("only in the longer form")
        await self.serve("--plain")
        await self.attack("nested_lists", total=7 * MB)
        # The attacker may have ended before the server has read all that it sent.
        most = self.memory_before + 40 * MB
        await wait_until(self.server.peak_memory, lambda peak: peak > most, f"more than {most}")
        await self.bystander.stop()
        self.assertGreater(self.peak_growth(), 40 * MB)

    async def test_flat_lists_need_bounded_memory(self) -> None:
        await self.serve()
        await self.attack("flat_lists", total=16 * MB * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_strings_need_bounded_memory(self) -> None:
        await self.serve()
        await self.attack("strings", total=16 * MB * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_a_header_that_exceeds_the_limits_closes_the_connection(self) -> None:
        """The server neither waits for the announced bytes nor allocates memory for them."""
        await self.serve()
        (outcome,) = await self.attack("headers_only", connections=200 * TIMES)
        self.assertEqual(outcome["closed"], 200 * TIMES)
        await self.check_recovery(max_growth=8 * MB * TIMES)

    async def test_an_endless_header_needs_bounded_memory(self) -> None:
        """A number has at most 64 digits."""
        await self.serve()
        await self.attack("endless_header", total=16 * MB * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_unfinished_messages_are_kept_no_longer_than_a_login_may_take(self) -> None:
        """100 times 16 KB are 1.6 MB."""
        await self.serve(login_seconds=LOGIN_SECONDS)
        await self.attack("unfinished_messages", connections=100)
        await self.check_recovery(max_growth=8 * MB)

    async def test_repeated_references_count_towards_the_limits(self) -> None:
        """An object counts as often as the message refers to it."""
        await self.serve()
        (outcome,) = await self.attack("repetition", connections=4 * TIMES)
        self.assertEqual(outcome["refused"], 4 * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_unread_answers_need_bounded_memory(self) -> None:
        """100 connections may send 64 KB each, and leave as much unread."""
        await self.serve(login_seconds=LOGIN_SECONDS)
        (outcome,) = await self.attack("unread_errors", connections=100 * TIMES)
        self.assertGreater(outcome["sent"], 0)
        await self.check_recovery(max_growth=20 * MB * TIMES)


class BudgetTests(AbuseTestCase):
    """
    Messages that are built to take more of the server than their bytes call for.
    """

    async def test_expensive_logins_are_refused(self) -> None:
        """46 KB took 4.4 seconds, 718 MB and 527 MB of log."""
        await self.serve(login_attempts=1000)
        (outcome,) = await self.attack("expensive_logins", rounds=10 * TIMES)
        self.assertNotIn("answer", outcome)
        self.assertLess(self.log_written, 40_000 * TIMES)
        await self.check_recovery(max_growth=8 * MB)

    async def test_guesses_in_parallel_are_delayed(self) -> None:
        """
        50 connections guess the password of one account at once.  Three passwords are checked
        without a delay, and then one after each delay, of which the second is twice as long.
        """
        await self.serve(throttle_seconds=0.3, throttle_max_seconds=0.6)
        (outcome,) = await self.attack("parallel_guesses", tried=5)
        self.assertGreater(outcome["seconds"], (0.3 + 0.6) * 0.99)
        await self.check_recovery(max_growth=8 * MB)


class TimeTests(AbuseTestCase):
    """
    Slow connections: a login may take a limited time.
    """

    async def test_a_slow_sender_is_disconnected(self) -> None:
        await self.serve(login_seconds=LOGIN_SECONDS)
        (outcome,) = await self.attack("trickle", connections=20)
        self.assertEqual(outcome["closed"], 20)
        await self.check_recovery(max_growth=8 * MB)

    async def test_silent_connections_are_closed(self) -> None:
        await self.serve(login_seconds=LOGIN_SECONDS)
        (outcome,) = await self.attack("silent_connections", connections=40)
        self.assertEqual(outcome["closed"], 40)
        await self.check_recovery(max_growth=8 * MB)

    async def test_silent_connections_do_not_disconnect_logged_in_clients(self) -> None:
        """
        The attackers open as many connections as an address may have.  Clients that have logged in
        stay logged in, and the server refuses further connections.
        """
        await self.serve(
            second_user=False, login_seconds=LOGIN_SECONDS, connections_per_address=30
        )
        (outcome,) = await self.attack("silent_connections", connections=60)
        self.assertEqual(outcome["closed"], 60)
        await self.check_recovery(max_growth=8 * MB)


class LoginTests(AbuseTestCase):
    """
    Logins that the server must refuse.
    """

    LIMITS: dict[str, Any] = {
        "throttle_seconds": 0.01,
        "throttle_max_seconds": 0.02,
        "throttle_entries": 50,
    }

    async def test_wrong_passwords_are_refused_and_others_are_served(self) -> None:
        """The guesses come from the bystander's address."""
        await self.serve(**self.LIMITS)
        outcomes = await self.attack("wrong_passwords", times=3, attempts=40 * TIMES)
        for outcome in outcomes:
            self.assertNotIn("accepted", outcome)
        await self.check_recovery(max_growth=8 * MB)

    async def test_long_names_are_neither_remembered_nor_logged(self) -> None:
        """The names have 10 KB."""
        await self.serve(**self.LIMITS)
        logged = len(self.server.err)
        (outcome,) = await self.attack("wrong_passwords", attempts=60 * TIMES, name_bytes=10_000)
        self.assertNotIn("accepted", outcome)
        await self.check_recovery(max_growth=8 * MB)
        self.assertLess(len(self.server.err) - logged, 60_000 * TIMES)

    async def test_a_response_is_accepted_once(self) -> None:
        """A challenge accepts one response, and a response fits one challenge."""
        await self.serve()
        (outcome,) = await self.attack("replay")
        self.assertEqual(outcome, {"answer": 1, "error": 49, "other connection: error": 1})
        await self.check_recovery(max_growth=8 * MB)

    async def test_unanswered_challenges_are_limited(self) -> None:
        """There are at most as many as a connection may have logins."""
        await self.serve(logins=8)
        (outcome,) = await self.attack("challenges")
        self.assertEqual(outcome["given"], 8)
        await self.check_recovery(max_growth=8 * MB)

    async def test_a_disconnect_at_any_stage_of_a_login_leaves_nothing(self) -> None:
        await self.serve()
        (outcome,) = await self.attack("disconnects", rounds=10 * TIMES)
        self.assertEqual(outcome["stages"], 80 * TIMES)
        await self.check_recovery(max_growth=8 * MB)
