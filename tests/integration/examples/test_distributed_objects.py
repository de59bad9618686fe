"""
The programs for those of "Distributed Objects".
"""

from __future__ import annotations

import time

from twisted.spread import pb

from tests.integration.examples.program_case import ProgramTestCase


class Item(pb.Copyable, pb.RemoteCopy):
    """An object that the client stores and retrieves."""

    def __init__(self, name: str | None = None, value: object = None) -> None:
        self.name = name
        self.value = value

    def getTypeToCopy(self) -> bytes:
        return b"pbrealm.examples.Item"


pb.setUnjellyableForClass("pbrealm.examples.Item", Item)


class CalculatorTests(ProgramTestCase):
    program = "calculator"

    async def set_up(self) -> None:
        await super().set_up()
        client = await self.connect()
        self.root = await client.factory.getRootObject()

    async def test_methods_return_results(self) -> None:
        self.assertEqual(await self.root.callRemote("add", 5, 3), 8)
        self.assertEqual(await self.root.callRemote("multiply", 4, 7), 28)
        self.assertEqual(await self.root.callRemote("divide", 10, 4), 2.5)

    async def test_client_gets_the_error(self) -> None:
        why = await self.refused(self.root.callRemote("divide", 10, 0), "__main__.DivisionByZero")
        self.assertEqual(why, "10 can't be divided by zero")
        self.assertEqual(await self.root.callRemote("add", 5, 3), 8)


class AuthenticatedTests(ProgramTestCase):
    program = "authenticated"

    async def test_each_account_gets_its_message_and_the_time(self) -> None:
        before = time.time()
        alice = await self.login("alice", "password")
        bob = await self.login("bob", "secret")
        self.assertEqual(await alice.callRemote("getMessage"), "Welcome, alice.")
        self.assertEqual(await bob.callRemote("getMessage"), "Welcome, bob.")
        there = time.mktime(time.strptime(await alice.callRemote("getTime")))
        # ctime gives whole seconds.
        self.assertTrue(before - 1 <= there <= time.time(), (before, there))

    async def test_wrong_name_and_wrong_password_look_the_same(self) -> None:
        error = "pbrealm.errors.WrongCredentials"
        guessed = await self.refused(self.login("alice", "guess"), error)
        self.assertEqual(await self.refused(self.login("mallory", "guess"), error), guessed)

    async def test_only_what_is_published_can_be_called(self) -> None:
        alice = await self.login("alice", "password")
        self.tracebacks = 1
        await self.refused(alice.callRemote("__init__", "root"), "builtins.AttributeError")
        self.assertEqual(await alice.callRemote("getMessage"), "Welcome, alice.")


class DataServiceTests(ProgramTestCase):
    program = "data_service"

    async def test_a_stored_item_can_be_retrieved(self) -> None:
        alice = await self.login()
        item = Item("measurements", {"count": 42, "active": True})
        self.assertEqual(await alice.callRemote("store", "item1", item), "stored item1")
        retrieved = await alice.callRemote("retrieve", "item1")
        self.assertIsInstance(retrieved, Item)
        self.assertEqual(retrieved.name, "measurements")
        self.assertEqual(retrieved.value, {"count": 42, "active": True})

    async def test_keys_are_listed_in_order(self) -> None:
        alice = await self.login()
        self.assertEqual(await alice.callRemote("list_keys"), [])
        for key in ("pear", "apple"):
            await alice.callRemote("store", key, Item(key, 1))
        self.assertEqual(await alice.callRemote("list_keys"), ["apple", "pear"])

    async def test_an_unknown_key_is_an_error(self) -> None:
        alice = await self.login()
        why = await self.refused(alice.callRemote("retrieve", "nil"), "__main__.NoSuchKey")
        self.assertEqual(why, "nothing is stored under 'nil'")

    async def test_only_items_can_be_stored(self) -> None:
        alice = await self.login()
        await self.refused(alice.callRemote("store", "key", [1]), "twisted.spread.pb.Error")

    async def test_items_outlive_the_session_and_belong_to_the_account(self) -> None:
        client = await self.connect()
        await (await client.login()).callRemote("store", "key", Item("mine", 1))
        await client.disconnect()
        alice, bob = await self.login(), await self.login("bob")
        self.assertEqual((await alice.callRemote("retrieve", "key")).name, "mine")
        self.assertEqual(await bob.callRemote("list_keys"), [])


class WireErrorsTests(ProgramTestCase):
    program = "wire_errors"

    async def test_an_expected_error_reaches_the_client(self) -> None:
        alice = await self.login()
        self.assertEqual(await alice.callRemote("withdraw", 30), 70)
        for method in ("withdraw", "withdraw_later"):
            why = await self.refused(alice.callRemote(method, 500), "__main__.InsufficientFunds")
            self.assertEqual(why, "there is 70, not 500")

    async def test_an_unexpected_error_leaves_the_session_usable(self) -> None:
        self.tracebacks = 1
        alice = await self.login()
        why = await self.refused(alice.callRemote("fail"), "builtins.ValueError")
        self.assertEqual(why, "the account book is torn")
        self.assertEqual(await alice.callRemote("withdraw", 30), 70)

    async def test_a_converted_error_reaches_the_client(self) -> None:
        alice = await self.login()
        self.assertEqual(await alice.callRemote("share", 10, 4), 2.5)
        why = await self.refused(alice.callRemote("share", 10, 0), "__main__.AccountError")
        self.assertEqual(why, "the number of people must not be zero")

    async def test_an_errback_can_tell_errors_apart(self) -> None:
        alice = await self.login()
        seen = []
        called = alice.callRemote("withdraw", 500)
        called.addErrback(
            lambda why: seen.extend(
                [
                    why.type,
                    why.value,
                    why.check("builtins.ValueError"),
                    why.check("__main__.AccountError"),
                    why.check(pb.Error),
                    why.getTraceback(),
                ]
            )
        )
        await called
        self.assertEqual(
            seen[:5],
            [
                b"__main__.InsufficientFunds",
                "there is 100, not 500",
                None,
                "__main__.AccountError",
                pb.Error,
            ],
        )
        self.assertNotIn("wire_errors.py", seen[5])
