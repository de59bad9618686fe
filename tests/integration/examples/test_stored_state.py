"""
The programs whose state outlives the process.
"""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.spread import pb

from tests.integration.examples.program_case import ProgramTestCase
from tests.store.cases import make_directory


class StoredTestCase(ProgramTestCase):
    async def set_up(self) -> None:
        self.arguments = [f"{make_directory(self)}/example.db"]
        await super().set_up()

    async def kill_and_start_again(self) -> None:
        self.process.signal("KILL")
        self.assertEqual(await self.process.wait(), -signal.SIGKILL)
        await self.start_program()


class StoredGreeterTests(StoredTestCase):
    program = "stored_greeter"

    async def greet(self, name: str = "alice") -> Any:
        return await (await self.login(name)).callRemote("greet")

    async def test_the_count_survives_a_kill(self) -> None:
        for number in (1, 2, 3):
            said = f"hello alice, greeting number {number}"
            self.assertEqual(await self.greet(), said)
            await self.kill_and_start_again()
        self.assertEqual(await self.greet("bob"), "hello bob, greeting number 1")

    async def test_no_number_is_given_twice(self) -> None:
        """The answers to many calls are on their way when the process is killed."""
        alice = await self.login()
        calls = [alice.callRemote("greet") for _ in range(100)]
        # The others are answered, or lost, at that moment.
        await calls[0]
        self.process.signal("KILL")
        await gatherResults([call.addErrback(lambda _: None) for call in calls])
        await self.process.wait()
        said = [call.result for call in calls if call.result is not None]
        await self.start_program()
        next_number = int((await self.greet()).split()[-1])
        self.assertGreater(next_number, len(said))

    async def test_the_language_is_not_stored(self) -> None:
        alice = await self.login()
        await alice.callRemote("speak", "fr")
        self.assertEqual(await alice.callRemote("greet"), "bonjour alice, greeting number 1")
        await self.kill_and_start_again()
        self.assertEqual(await self.greet(), "hello alice, greeting number 2")


class StoredPlayerTests(StoredTestCase):
    program = "stored_player"

    async def status(self, name: str) -> Any:
        return await (await self.login(name)).callRemote("status")

    async def refusal(self, player: pb.RemoteReference, *call: object) -> str:
        return await self.refused(player.callRemote(*call), "twisted.spread.pb.Error")

    async def test_what_players_have_survives_a_kill(self) -> None:
        """Also that of a player who isn't there when given something."""
        client = await self.connect()
        bob = await client.login("bob")
        self.assertEqual(await bob.callRemote("status"), {"gold": 10})
        await client.disconnect()
        alice = await self.login()
        self.assertEqual(await alice.callRemote("buy", "sword"), ["sword"])
        self.assertEqual(await alice.callRemote("buy", "torch"), ["sword", "torch"])
        self.assertEqual(await alice.callRemote("give", "bob", 2), 0)
        await self.kill_and_start_again()
        self.assertEqual(await self.status("alice"), {"gold": 0, "items": ["sword", "torch"]})
        self.assertEqual(await self.status("bob"), {"gold": 12})

    async def test_refused_trades_change_nothing(self) -> None:
        alice = await self.login()
        self.assertEqual(await self.refusal(alice, "buy", "crown"), "there is no 'crown' to buy")
        self.assertEqual(await self.refusal(alice, "give", "bob", 1), "there is no player 'bob'")
        self.assertEqual(await self.refusal(alice, "give", b"bob", 1), "a name is a string")
        bob = await self.login("bob")
        for bad in (0, -1, 11, 1.5, True, "all"):
            self.assertEqual(
                await self.refusal(alice, "give", "bob", bad),
                f"you have 10 gold, and can't pay {bad!r}",
            )
        for player in (alice, bob):
            self.assertEqual(await player.callRemote("status"), {"gold": 10})
