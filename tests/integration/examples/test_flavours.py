"""
The programs for the flavours of "Introduction to Perspective Broker".
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import DeferredQueue
from twisted.spread import pb

from tests.integration.examples.program_case import ProgramTestCase
from tests.integration.waiting import wait_until_equal


class Hand(pb.RemoteCopy):
    """The client's copy of a hand of cards."""


class Scores(pb.RemoteCache):
    """The client's cache of the scores; it puts each change into a queue too."""

    def __init__(self) -> None:
        self.changes: DeferredQueue[tuple[str, int]] = DeferredQueue()

    def setCopyableState(self, state: dict[str, Any]) -> None:
        self.points = dict(state["points"])

    def observe_scored(self, name: str, points: int) -> None:
        self.points[name] = points
        self.changes.put((name, points))


pb.setUnjellyableForClass("pbrealm.examples.Hand", Hand)
pb.setUnjellyableForClass("pbrealm.examples.Scores", Scores)


class ViewableTests(ProgramTestCase):
    program = "viewable"

    async def test_the_view_knows_its_caller(self) -> None:
        phone, desk, other = [await self.connect() for _ in range(3)]
        logins = [await phone.login(), await desk.login(), await other.login("bob")]
        boards = [await login.callRemote("board") for login in logins]
        for board, text in zip(boards, ("bicycle", "tandem", "pump"), strict=True):
            await board.callRemote("post", text)
        notices = await boards[0].callRemote("notices")
        self.assertEqual(
            [(notice["text"], notice["by"], notice["port"]) for notice in notices],
            [
                ("bicycle", "alice", phone.port),
                ("tandem", "alice", desk.port),
                ("pump", "bob", other.port),
            ],
        )
        self.assertEqual([notice["mine"] for notice in notices], [True, True, False])

    async def test_the_caller_cannot_be_forged(self) -> None:
        board = await (await self.login()).callRemote("board")
        await self.refused_for_arguments(board.callRemote("post", "bob", "for free: all I have"))
        self.assertEqual(await board.callRemote("notices"), [])

    async def refused_for_arguments(self, awaited: Awaitable[object]) -> None:
        self.tracebacks = 1
        await self.refused(awaited, "builtins.TypeError")


class CopyableTests(ProgramTestCase):
    program = "copyable"

    async def test_the_copy_depends_on_the_caller(self) -> None:
        alice, bob = await self.login(), await self.login("bob")
        self.assertEqual(await self.cards(alice), {"alice": ["D7", "HQ"], "bob": ["?", "?", "?"]})
        self.assertEqual(await self.cards(bob), {"alice": ["?", "?"], "bob": ["S2", "C9", "DA"]})

    async def test_changing_a_copy_does_not_change_the_original(self) -> None:
        alice = await self.login()
        for hand in await alice.callRemote("hands"):
            self.assertIsInstance(hand, Hand)
            hand.cards.clear()
        self.assertEqual((await self.cards(alice))["alice"], ["D7", "HQ"])

    async def cards(self, perspective: pb.RemoteReference) -> dict[str, list[str]]:
        return {hand.owner: hand.cards for hand in await perspective.callRemote("hands")}


class CacheableTests(ProgramTestCase):
    program = "cacheable"

    async def set_up(self) -> None:
        await super().set_up()
        self.clients = [await self.connect() for _ in range(3)]
        names = ("alice", "alice", "bob")
        self.logins = [
            await client.login(name) for client, name in zip(self.clients, names, strict=True)
        ]

    async def observers(self) -> object:
        return await self.logins[0].callRemote("observers")

    async def test_a_change_reaches_all_caches(self) -> None:
        await self.logins[0].callRemote("score", 5)
        caches = [await login.callRemote("scores") for login in self.logins]
        self.assertEqual([cache.points for cache in caches], [{"alice": 5}] * 3)
        self.assertEqual(await self.observers(), 3)
        await self.logins[2].callRemote("score", 7)
        for cache in caches:
            self.assertEqual(await cache.changes.get(), ("bob", 7))
            self.assertEqual(cache.points, {"alice": 5, "bob": 7})

    async def test_a_connection_has_one_cache(self) -> None:
        cache = await self.logins[0].callRemote("scores")
        again = await self.logins[0].callRemote("scores")
        self.assertEqual(await self.observers(), 1)
        await self.logins[0].callRemote("score", 5)
        await cache.changes.get()
        self.assertEqual(again.points, {"alice": 5})

    async def test_a_dropped_cache_is_no_longer_observed(self) -> None:
        caches = [await login.callRemote("scores") for login in self.logins]
        caches.pop()
        await wait_until_equal(self.observers, 2)
        await self.logins[2].callRemote("score", 7)
        for cache in caches:
            self.assertEqual(await cache.changes.get(), ("bob", 7))

    async def test_a_cache_whose_connection_is_lost_is_no_longer_observed(self) -> None:
        caches = [await login.callRemote("scores") for login in self.logins]
        lost = self.clients[1].abort()
        # The server may send the change before or after it notices the loss.
        await self.logins[2].callRemote("score", 7)
        for cache in (caches[0], caches[2]):
            self.assertEqual(await cache.changes.get(), ("bob", 7))
        await lost
        await wait_until_equal(self.observers, 2)
