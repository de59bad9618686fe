"""
The programs for the patterns of "Managing Clients of Perspectives", as the howto is today.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from tempfile import TemporaryDirectory

from twisted.spread import pb

from tests.integration.examples.program_case import ProgramTestCase
from tests.integration.plain_client import FailingMind, Mind
from tests.integration.waiting import wait_until_equal


class CachedAvatarTests(ProgramTestCase):
    program = "cached_avatar"

    async def test_one_avatar_for_all_clients_of_an_account(self) -> None:
        first = await self.login()
        second = await self.login()
        bob = await self.login("bob")
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "hello alice, greeting number 2")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")

    async def test_the_avatar_outlives_its_clients(self) -> None:
        client = await self.connect()
        perspective = await client.login()
        await perspective.callRemote("greet")
        await client.disconnect()
        perspective = await self.login()
        self.assertEqual(await perspective.callRemote("greet"), "hello alice, greeting number 2")


class SharedStateTests(ProgramTestCase):
    program = "shared_state"

    async def test_the_count_is_shared_and_the_language_is_not(self) -> None:
        first = await self.login()
        second = await self.login()
        await second.callRemote("speak", "fr")
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "bonjour alice, greeting number 2")

    async def test_each_account_has_its_own_state(self) -> None:
        alice = await self.login()
        bob = await self.login("bob")
        await alice.callRemote("greet")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")


class OwnDatabaseTests(ProgramTestCase):
    program = "own_database"

    async def set_up(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = f"{directory.name}/greetings.db"
        self.arguments = [self.file]
        await super().set_up()

    def saved(self) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute("SELECT name, number FROM greetings ORDER BY name").fetchall()

    async def test_the_count_survives_a_restart(self) -> None:
        """That of a client who is logged in, and that of one who has left."""
        client = await self.connect()
        bob = await client.login("bob")
        await bob.callRemote("greet")
        await client.disconnect()
        alice = await self.login()
        for number in (1, 2):
            said = await alice.callRemote("greet")
            self.assertEqual(said, f"hello alice, greeting number {number}")
        self.assertEqual(self.saved(), [])
        await self.stop_program()
        self.assertEqual(self.saved(), [("alice", 2), ("bob", 1)])
        await self.start_program()
        alice, bob = await self.login(), await self.login("bob")
        self.assertEqual(await alice.callRemote("greet"), "hello alice, greeting number 3")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 2")


class ConnectionsCountedTests(ProgramTestCase):
    program = "connections_counted"

    async def set_up(self) -> None:
        await super().set_up()
        self.watcher = await self.login()

    async def connections(self) -> object:
        return await self.watcher.callRemote("connections")

    async def why(self) -> object:
        return await self.watcher.callRemote("why_the_last_one_left")

    async def test_sessions_of_the_account_are_counted(self) -> None:
        self.assertEqual(await self.connections(), 1)
        other = await self.login()
        self.assertEqual(await self.connections(), 2)
        self.assertEqual(await other.callRemote("connections"), 2)

    async def test_a_closed_connection_is_subtracted(self) -> None:
        client = await self.connect()
        perspective = await client.login()
        await client.disconnect()
        await wait_until_equal(self.connections, 1)
        self.assertEqual(await self.why(), "disconnected")
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "connections")

    async def test_a_reset_connection_is_subtracted(self) -> None:
        client = await self.connect()
        perspective = await client.login(mind=Mind())
        self.assertEqual(await perspective.callRemote("connections"), 2)
        await client.abort()
        await wait_until_equal(self.connections, 1)

    async def test_a_dropped_reference_is_subtracted(self) -> None:
        """Dropping the reference ends the session, and the connection may stay."""
        client = await self.connect()
        perspective = await client.login()
        again = await client.login()
        self.assertEqual(await again.callRemote("connections"), 3)
        del perspective
        self.assertEqual(await again.callRemote("connections"), 2)
        self.assertEqual(await self.why(), "logged out")

    async def test_other_accounts_do_not_count(self) -> None:
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("connections"), 1)


class LimitedTests(ProgramTestCase):
    program = "limited"

    async def test_a_login_beyond_the_limit_is_refused(self) -> None:
        first = await self.login()
        second = await self.login()
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assertIn("alice is logged in already", why)
        # The first two sessions go on, and other accounts have limits of their own.
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "hello alice, greeting number 2")
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")

    async def test_a_wrong_password_does_not_count_towards_the_limit(self) -> None:
        for _ in range(3):
            await self.refused(self.login(password="guess"), "pbrealm.errors.WrongCredentials")
        held = [await self.login(), await self.login()]
        self.assertEqual(len(held), 2)

    async def test_a_logout_makes_room(self) -> None:
        client = await self.connect()
        held = [await client.login(), await client.login()]
        await self.refused(client.login(), "pbrealm.errors.TooManyConnections")
        held.pop()
        held.append(await client.login())
        await self.refused(client.login(), "pbrealm.errors.TooManyConnections")

    async def test_a_lost_connection_makes_room(self) -> None:
        await self.login_and_abort()
        await self.login_and_abort()
        held = []

        async def try_to_log_in() -> int:
            # The server may notice the loss only after the next login.
            try:
                held.append(await self.login())
            except pb.RemoteError:
                pass
            return len(held)

        await wait_until_equal(try_to_log_in, 2)

    async def login_and_abort(self) -> None:
        client = await self.connect()
        await client.login()
        await client.abort()


class RemoteClockTests(ProgramTestCase):
    program = "remote_clock"

    async def test_the_client_is_told_the_time(self) -> None:
        mind = Mind()
        perspective = await self.login(mind=mind)
        await perspective.callRemote("setperiod", 0.05)
        times = [(await mind.next_call("notifyTime"))[1] for _ in range(4)]
        self.assertEqual(times, sorted(times))

    async def test_each_client_has_its_own_period(self) -> None:
        minds = [Mind(), Mind()]
        clocks = [await self.login(mind=mind) for mind in minds]
        for fast, slow in ((0, 1), (1, 0)):
            await clocks[slow].callRemote("setperiod", 3600)
            await clocks[fast].callRemote("setperiod", 0.02)
            # Calls that arrived before the answer to setperiod belong to the previous period.
            for mind in minds:
                mind.calls.pending.clear()
            for _ in range(10):
                await minds[fast].next_call("notifyTime")
            self.assertEqual(minds[slow].calls.pending, [])

    async def test_a_client_that_disconnects_stops_its_own_clock_only(self) -> None:
        mind = Mind()
        client = await self.connect()
        leaving = await client.login(mind=Mind())
        perspective = await self.login(mind=mind)
        await leaving.callRemote("setperiod", 0.01)
        await client.disconnect()
        await perspective.callRemote("setperiod", 0.02)
        for _ in range(5):
            await mind.next_call("notifyTime")

    async def test_a_failing_mind_does_not_stop_the_clock(self) -> None:
        mind = FailingMind()
        perspective = await self.login(mind=mind)
        await perspective.callRemote("setperiod", 0.02)
        for _ in range(3):
            await mind.next_call("notifyTime")

    async def test_an_invalid_period_is_refused(self) -> None:
        perspective = await self.login(mind=Mind())
        for period in (0, -1, "fast", None):
            await self.refused(
                perspective.callRemote("setperiod", period), "twisted.spread.pb.Error"
            )

    async def test_a_login_without_a_mind_is_refused(self) -> None:
        why = await self.refused(self.login(), "pbrealm.errors.LoginRefused")
        self.assertIn("no mind", why)


class CurrentClientsTests(ProgramTestCase):
    program = "current_clients"

    async def test_all_clients_of_the_account_are_listed(self) -> None:
        first, second = await self.connect(), await self.connect()
        perspective = await first.login(mind=Mind())
        other = await second.login(mind=Mind())
        self.assertEqual(await self.addresses(perspective), [first.address, second.address])
        self.assertEqual(await self.addresses(other), [first.address, second.address])

    async def test_arrivals_and_departures_are_announced(self) -> None:
        mind = Mind()
        client = await self.connect()
        perspective = await client.login(mind=mind)
        other = await self.connect()
        reference = await other.login(mind=Mind())
        self.assertEqual(await mind.next_call(), ("arrived", other.address))
        address = other.address
        await other.disconnect()
        self.assertEqual(await mind.next_call(), ("left", address, "disconnected"))
        self.assertEqual(await self.addresses(perspective), [client.address])
        self.assertRaises(pb.DeadReferenceError, reference.callRemote, "clients")

    async def test_two_logins_over_one_connection_are_two_clients(self) -> None:
        """The server can tell their minds apart, although PB numbers minds by connection."""
        client = await self.connect()
        minds = [Mind(), Mind()]
        held = [await client.login(mind=mind) for mind in minds]
        self.assertEqual(await self.addresses(held[0]), [client.address] * 2)
        self.assertEqual(await minds[0].next_call(), ("arrived", client.address))
        third = await self.connect()
        held.append(await third.login())
        for mind in minds:
            self.assertEqual(await mind.next_call(), ("arrived", third.address))

    async def test_other_accounts_are_not_listed(self) -> None:
        alice = await self.connect()
        perspective = await alice.login()
        bob = await self.connect()
        self.assertEqual(await self.addresses(await bob.login("bob")), [bob.address])
        self.assertEqual(await self.addresses(perspective), [alice.address])

    async def addresses(self, perspective: pb.RemoteReference) -> list[str]:
        return [client["address"] for client in await perspective.callRemote("clients")]
