"""
Attacks by a client with a login: the server knows whom to ask about it, and is no less bounded.
"""

from tests.integration.abuse.scene import LONG, MB, AbuseTestCase

TIMES = 5 if LONG else 1


class MemberTests(AbuseTestCase):
    async def test_login_loop(self) -> None:
        """One connection may log in and out all day."""
        await self.serve()
        (outcome,) = await self.attack("login_loop", logins=200 * TIMES)
        self.assertEqual(outcome, {"in": 200 * TIMES})
        await self.as_before(growth=8 * MB)

    async def test_logins_that_are_kept(self) -> None:
        """There are no more than may be alive on one connection."""
        await self.serve("--limit", "100", logins=8)
        (outcome,) = await self.attack("login_loop", logins=1100, keep=1)
        self.assertEqual(outcome["in"], 8)
        await self.as_before(growth=8 * MB)

    async def test_references(self) -> None:
        """A client can hold 1,024 objects."""
        await self.serve()
        (outcome,) = await self.attack("references", calls=1100)
        self.assertLess(outcome["answer"], 1025)
        self.assertEqual(outcome["closed"], 1)
        await self.as_before(growth=8 * MB)

    async def test_decrefs(self) -> None:
        """Who lets go of what isn't theirs is cut off, and nobody else notices."""
        await self.serve()
        (outcome,) = await self.attack("decrefs")
        self.assertEqual(outcome["closed"], outcome["of"])
        await self.as_before(growth=8 * MB)

    async def test_strange_ids(self) -> None:
        """Ids are a connection's own: there's nothing behind others."""
        await self.serve()
        (outcome,) = await self.attack("strange_ids")
        self.assertEqual(list(outcome), ["error"])
        await self.as_before(growth=8 * MB)

    async def test_nested_lists(self) -> None:
        """A member may nest 200 lists in one another, and 100 KB have no room for more."""
        await self.serve()
        await self.attack("deep_member", total=4 * MB * TIMES)
        await self.as_before(growth=8 * MB)

    async def test_many_lists(self) -> None:
        """
        A message of 3 MB with half a million lists: it takes what they take while it's served,
        which is a matter of the bounds on a member's message.
        """
        await self.serve()
        (outcome,) = await self.attack("large_member")
        self.assertEqual(outcome["kind"], "answer")
        await self.as_before(growth=400 * MB)

    async def test_answers_that_are_not_read(self) -> None:
        """Who doesn't take the answers isn't listened to: the server keeps a few of them."""
        await self.serve()
        (outcome,) = await self.attack("unread_member")
        self.assertIn(outcome["how"], ("closed", "not taken any more"))
        await self.as_before(growth=16 * MB)
