"""
Attacks before any login.
"""

from tests.integration.abuse.scene import LONG, MB, AbuseTestCase

TIMES = 5 if LONG else 1


class BytesTests(AbuseTestCase):
    """
    Bytes that are no login: what the server takes for them is bounded by what a stranger may
    send, and that is 64 KB on one connection.
    """

    async def test_nested_lists(self) -> None:
        """64 MB of nested list headers over 16 connections take less than 8 MB."""
        await self.serve()
        (outcome,) = await self.attack("nested_lists", total=64 * MB * TIMES)
        self.assertGreaterEqual(outcome["sent"], 64 * MB)
        await self.as_before(growth=8 * MB)

    async def test_nested_lists_under_plain_pb(self) -> None:
        """Of which a tenth is enough for Twisted's own factory to take five times as much."""
        if not LONG:
            self.skipTest("in the longer form")
        await self.serve("--plain")
        await self.attack("nested_lists", total=7 * MB)
        await self.neighbour.rest()
        self.assertGreater(self.growth(), 40 * MB)

    async def test_flat_lists(self) -> None:
        await self.serve()
        await self.attack("flat_lists", total=16 * MB * TIMES)
        await self.as_before(growth=8 * MB)

    async def test_strings(self) -> None:
        await self.serve()
        await self.attack("strings", total=16 * MB * TIMES)
        await self.as_before(growth=8 * MB)

    async def test_announcements(self) -> None:
        """What is only announced isn't waited for, nor made room for."""
        await self.serve()
        (outcome,) = await self.attack("announcements", connections=200 * TIMES)
        self.assertEqual(outcome["closed"], 200 * TIMES)
        await self.as_before(growth=8 * MB * TIMES)

    async def test_endless_header(self) -> None:
        """A number has at most 64 digits."""
        await self.serve()
        await self.attack("endless_header", total=16 * MB * TIMES)
        await self.as_before(growth=8 * MB)

    async def test_unfinished_messages(self) -> None:
        """100 times 16 KB are 1.6 MB, and for no longer than a login may take."""
        await self.serve(login_seconds=1)
        await self.attack("unfinished", connections=100)
        await self.as_before(growth=8 * MB)

    async def test_repetition(self) -> None:
        """What a message refers back to counts as often as it does so."""
        await self.serve()
        (outcome,) = await self.attack("repetition", connections=4 * TIMES)
        self.assertEqual(outcome["refused"], 4 * TIMES)
        await self.as_before(growth=8 * MB)

    async def test_answers_that_are_not_read(self) -> None:
        """100 connections may send 64 KB each, and leave as much unread."""
        await self.serve(login_seconds=2)
        (outcome,) = await self.attack("unread", connections=100 * TIMES)
        self.assertGreater(outcome["sent"], 0)
        await self.as_before(growth=20 * MB * TIMES)


class TimeTests(AbuseTestCase):
    """
    Connections that take their time: it's that of a login.
    """

    async def test_trickle(self) -> None:
        await self.serve(login_seconds=1)
        (outcome,) = await self.attack("trickle", connections=20)
        self.assertEqual(outcome["closed"], 20)
        await self.as_before(growth=8 * MB)

    async def test_silence(self) -> None:
        await self.serve(login_seconds=1)
        (outcome,) = await self.attack("silence", connections=40)
        self.assertEqual(outcome["closed"], 40)
        await self.as_before(growth=8 * MB)

    async def test_silence_on_every_place(self) -> None:
        """
        Those who have a login keep it while strangers take all the places there are for an
        address; further ones are turned away.
        """
        await self.serve(login_seconds=1, connections_per_address=30)
        self.neighbour.sociable = False
        (outcome,) = await self.attack("silence", connections=60)
        self.assertEqual(outcome["closed"], 60)
        await self.as_before(growth=8 * MB)


class GuessTests(AbuseTestCase):
    """
    Logins that are to be refused.
    """

    LIMITS = {"throttle_seconds": 0.01, "throttle_max_seconds": 0.05, "throttle_entries": 50}

    async def test_wrong_passwords(self) -> None:
        """Guesses from the neighbour's own address: each waits, the neighbour doesn't."""
        await self.serve(**self.LIMITS)
        outcomes = await self.attack("wrong_passwords", times=3, attempts=40 * TIMES)
        for outcome in outcomes:
            self.assertNotIn("in", outcome)
        await self.as_before(growth=8 * MB)

    async def test_names_without_end(self) -> None:
        """Names of 10 KB are neither remembered nor logged."""
        await self.serve(**self.LIMITS)
        logged = len(self.server.err)
        (outcome,) = await self.attack("wrong_passwords", attempts=60 * TIMES, name_bytes=10_000)
        self.assertNotIn("in", outcome)
        await self.as_before(growth=8 * MB)
        self.assertLess(len(self.server.err) - logged, 60_000 * TIMES)

    async def test_replay(self) -> None:
        """A challenge is good for one answer, and an answer for one challenge."""
        await self.serve()
        (outcome,) = await self.attack("replay")
        self.assertEqual(outcome, {"answer": 1, "error": 49, "elsewhere error": 1})
        await self.as_before(growth=8 * MB)

    async def test_challenges(self) -> None:
        """As many challenges wait for their answers as there may be logins."""
        await self.serve(logins=8)
        (outcome,) = await self.attack("challenges")
        self.assertEqual(outcome["given"], 8)
        await self.as_before(growth=8 * MB)

    async def test_disconnects(self) -> None:
        """Whenever a client leaves, nothing of it stays."""
        await self.serve()
        (outcome,) = await self.attack("disconnects", rounds=10 * TIMES)
        self.assertEqual(outcome["stages"], 80 * TIMES)
        await self.as_before(growth=8 * MB)
