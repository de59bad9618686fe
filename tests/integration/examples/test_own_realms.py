"""
The programs that wrap a realm of pbrealm in their own.
"""

from __future__ import annotations

import re

from tests.integration.examples.program_case import ProgramTestCase


class MaintenanceTests(ProgramTestCase):
    program = "maintenance"

    async def set_up(self) -> None:
        await super().set_up()
        self.alice = await self.login()

    async def test_logins_are_refused_until_it_ends(self) -> None:
        await self.alice.callRemote("begin_maintenance", "back at ten")
        why = await self.refused(self.login("bob"), "pbrealm.errors.LoginRefused")
        self.assertEqual(why, "the server is under maintenance: back at ten (reason 4)")
        await self.alice.callRemote("end_maintenance")
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("greet"), "hello bob")

    async def test_the_administrator_can_log_in_during_maintenance(self) -> None:
        await self.alice.callRemote("begin_maintenance", "back at ten")
        again = await self.login()
        self.assertEqual(await again.callRemote("greet"), "hello alice")

    async def test_open_sessions_go_on(self) -> None:
        bob = await self.login("bob")
        await self.alice.callRemote("begin_maintenance", "back at ten")
        self.assertEqual(await bob.callRemote("greet"), "hello bob")

    async def test_a_wrong_password_does_not_learn_of_the_maintenance(self) -> None:
        await self.alice.callRemote("begin_maintenance", "back at ten")
        await self.refused(self.login("bob", "guess"), "pbrealm.errors.WrongCredentials")

    async def test_only_an_administrator_can_begin_it(self) -> None:
        self.tracebacks = 1
        bob = await self.login("bob")
        await self.refused(bob.callRemote("begin_maintenance", "now"), "builtins.AttributeError")

    async def test_logins_refusals_and_ends_are_logged(self) -> None:
        client = await self.connect()
        address = re.escape(client.address)
        held = await client.login("bob")
        await self.alice.callRemote("begin_maintenance", "back at ten")
        await self.refused(self.login("bob"), "pbrealm.errors.LoginRefused")
        await client.disconnect()
        for line in (
            r"login of alice from 127\.0\.0\.1:\d+: session \d+",
            rf"login of bob from {address}: session \d+",
            r"login of bob from 127\S+ refused: the server is under maintenance: back at ten",
            rf"end of session \d+ of bob from {address} after [\d.]+ s: disconnected",
        ):
            await self.process.wait_for(line, "err")
        self.assertTrue(held.broker.disconnected)
