"""
The programs for the patterns of "Managing Clients of Perspectives", as the howto is today.
"""

from __future__ import annotations

from twisted.spread import pb

from tests.integration.examples.programs import ProgramTestCase
from tests.integration.plain_client import DeafMind, Mind, until


class CachedAvatarTests(ProgramTestCase):
    program = "cached_avatar"

    async def test_one_avatar_for_all_clients_of_an_account(self):
        first = await self.login()
        second = await self.login()
        bob = await self.login("bob")
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "hello alice, greeting number 2")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")

    async def test_it_outlives_its_clients(self):
        client = await self.connect()
        perspective = await client.login()
        await perspective.callRemote("greet")
        await client.leave()
        perspective = await self.login()
        self.assertEqual(await perspective.callRemote("greet"), "hello alice, greeting number 2")


class SharedStateTests(ProgramTestCase):
    program = "shared_state"

    async def test_the_count_is_shared_and_the_language_is_not(self):
        first = await self.login()
        second = await self.login()
        await second.callRemote("speak", "fr")
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "bonjour alice, greeting number 2")

    async def test_each_account_has_its_own_state(self):
        alice = await self.login()
        bob = await self.login("bob")
        await alice.callRemote("greet")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")


class ConnectionsCountedTests(ProgramTestCase):
    program = "connections_counted"

    async def setUp(self):
        await super().setUp()
        self.watcher = await self.login()

    def connections(self):
        return self.watcher.callRemote("connections")

    def why(self):
        return self.watcher.callRemote("why_the_last_one_left")

    async def test_connect(self):
        self.assertEqual(await self.connections(), 1)
        other = await self.login()
        self.assertEqual(await self.connections(), 2)
        self.assertEqual(await other.callRemote("connections"), 2)

    async def test_hanging_up(self):
        client = await self.connect()
        perspective = await client.login()
        await client.leave()
        await until(self.connections, 1)
        self.assertEqual(await self.why(), "disconnected")
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "connections")

    async def test_breaking_down(self):
        client = await self.connect()
        perspective = await client.login(mind=Mind())
        self.assertEqual(await perspective.callRemote("connections"), 2)
        await client.abort()
        await until(self.connections, 1)

    async def test_logging_out(self):
        """To drop the reference is to log out; the connection may go on."""
        client = await self.connect()
        perspective = await client.login()
        again = await client.login()
        self.assertEqual(await again.callRemote("connections"), 3)
        del perspective
        self.assertEqual(await again.callRemote("connections"), 2)
        self.assertEqual(await self.why(), "logged out")

    async def test_other_accounts_do_not_count(self):
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("connections"), 1)


class LimitedTests(ProgramTestCase):
    program = "limited"

    async def test_one_too_many(self):
        first = await self.login()
        second = await self.login()
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assertIn("alice is logged in already", why)
        # The others are left alone, and other accounts have places of their own.
        self.assertEqual(await first.callRemote("greet"), "hello alice, greeting number 1")
        self.assertEqual(await second.callRemote("greet"), "hello alice, greeting number 2")
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("greet"), "hello bob, greeting number 1")

    async def test_who_does_not_know_the_password_takes_no_place(self):
        for _ in range(3):
            await self.refused(self.login(password="guess"), "pbrealm.errors.WrongCredentials")
        held = [await self.login(), await self.login()]
        self.assertEqual(len(held), 2)

    async def test_a_place_is_free_once_a_client_logs_out(self):
        client = await self.connect()
        held = [await client.login(), await client.login()]
        await self.refused(client.login(), "pbrealm.errors.TooManyConnections")
        held.pop()
        held.append(await client.login())
        await self.refused(client.login(), "pbrealm.errors.TooManyConnections")

    async def test_a_place_is_free_once_a_client_is_lost(self):
        await self.login_and_break_down()
        await self.login_and_break_down()
        held = []

        async def try_to_log_in():
            # The server may hear of it only after the next login has come.
            try:
                held.append(await self.login())
            except pb.RemoteError:
                pass
            return len(held)

        await until(try_to_log_in, 2)

    async def login_and_break_down(self):
        client = await self.connect()
        await client.login()
        await client.abort()


class RemoteClockTests(ProgramTestCase):
    program = "remote_clock"

    async def test_it_tells_the_time(self):
        mind = Mind()
        perspective = await self.login(mind=mind)
        await perspective.callRemote("setperiod", 0.05)
        times = [(await mind.hear("notifyTime"))[1] for _ in range(4)]
        self.assertEqual(times, sorted(times))

    async def test_each_client_has_its_own_period(self):
        fast, slow = Mind(), Mind()
        hasty = await self.login(mind=fast)
        leisurely = await self.login(mind=slow)
        await leisurely.callRemote("setperiod", 0.5)
        await hasty.callRemote("setperiod", 0.02)
        while slow.told.pending:
            await slow.hear()
        while fast.told.pending:
            await fast.hear()
        await slow.hear("notifyTime")
        # 25 fit in; some of them, even on a machine that is busy.
        self.assertGreater(len(fast.told.pending), 5)
        self.assertEqual(slow.told.pending, [])

    async def test_a_client_that_leaves_stops_its_clock_only(self):
        mind = Mind()
        client = await self.connect()
        gone = await client.login(mind=Mind())
        perspective = await self.login(mind=mind)
        await gone.callRemote("setperiod", 0.01)
        await client.leave()
        await perspective.callRemote("setperiod", 0.02)
        for _ in range(5):
            await mind.hear("notifyTime")

    async def test_a_client_that_fails_to_hear_goes_on_being_told(self):
        mind = DeafMind()
        perspective = await self.login(mind=mind)
        await perspective.callRemote("setperiod", 0.02)
        for _ in range(3):
            await mind.hear("notifyTime")

    async def test_a_period_that_makes_no_sense(self):
        perspective = await self.login(mind=Mind())
        for period in (0, -1, "fast", None):
            await self.refused(
                perspective.callRemote("setperiod", period), "twisted.spread.pb.Error"
            )

    async def test_without_a_mind(self):
        why = await self.refused(self.login(), "pbrealm.errors.LoginRefused")
        self.assertIn("no mind", why)


class CurrentClientsTests(ProgramTestCase):
    program = "current_clients"

    async def test_the_list(self):
        first, second = await self.connect(), await self.connect()
        perspective = await first.login(mind=Mind())
        other = await second.login(mind=Mind())
        self.assertEqual(await self.addresses(perspective), [first.address, second.address])
        self.assertEqual(await self.addresses(other), [first.address, second.address])

    async def test_coming_and_going(self):
        mind = Mind()
        client = await self.connect()
        perspective = await client.login(mind=mind)
        other = await self.connect()
        reference = await other.login(mind=Mind())
        self.assertEqual(await mind.hear(), ("arrived", other.address))
        address = other.address
        await other.leave()
        self.assertEqual(await mind.hear(), ("left", address, "disconnected"))
        self.assertEqual(await self.addresses(perspective), [client.address])
        self.assertRaises(pb.DeadReferenceError, reference.callRemote, "clients")

    async def test_two_logins_over_one_connection(self):
        """Their minds are told apart, though PB numbers them by connection."""
        client = await self.connect()
        minds = [Mind(), Mind()]
        held = [await client.login(mind=mind) for mind in minds]
        self.assertEqual(await self.addresses(held[0]), [client.address] * 2)
        self.assertEqual(await minds[0].hear(), ("arrived", client.address))
        third = await self.connect()
        held.append(await third.login())
        for mind in minds:
            self.assertEqual(await mind.hear(), ("arrived", third.address))

    async def test_other_accounts_are_elsewhere(self):
        alice = await self.connect()
        perspective = await alice.login()
        bob = await self.connect()
        self.assertEqual(await self.addresses(await bob.login("bob")), [bob.address])
        self.assertEqual(await self.addresses(perspective), [alice.address])

    async def addresses(self, perspective):
        return [client["address"] for client in await perspective.callRemote("clients")]
