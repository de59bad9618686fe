"""
The programs for the patterns of "Managing Clients of Perspectives" in its form of 2003.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from twisted.internet.defer import gatherResults
from twisted.python.failure import Failure
from twisted.spread import pb

from tests.integration.examples.program_case import EXAMPLES, LISTENING, ProgramTestCase
from tests.integration.plain_client import FailingMind, Mind, PlainClient
from tests.integration.processes import ANY_PORT, Process
from tests.integration.waiting import wait_until_equal


class ClientlessTests(ProgramTestCase):
    program = "clientless"

    async def test_the_avatar_does_not_depend_on_its_clients(self) -> None:
        first = await self.connect()
        perspective = await first.login(mind=Mind())
        other = await self.login()
        await perspective.callRemote("set", 23)
        self.assertEqual(await other.callRemote("get"), 23)
        await first.disconnect()
        self.assertEqual(await other.callRemote("get"), 23)
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("get"), 18)

    async def test_the_avatar_outlives_its_last_client(self) -> None:
        client = await self.connect()
        await (await client.login()).callRemote("set", 23)
        await client.disconnect()
        self.assertEqual(await (await self.login()).callRemote("get"), 23)


class SingleClientTestCase(ProgramTestCase):
    async def set_up(self) -> None:
        await super().set_up()
        self.first = await self.connect()
        # The error gives whole seconds.
        self.earliest = datetime.now(timezone.utc).replace(microsecond=0)

    def assert_says_who_is_logged_in(self, why: str) -> None:
        self.assertIn(f"alice is logged in already, from {self.first.address} since ", why)
        text = why.partition(" since ")[2].partition(" UTC")[0]
        since = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        self.assertLessEqual(self.earliest, since)
        self.assertLessEqual(since, datetime.now(timezone.utc))


class SingleTests(SingleClientTestCase):
    program = "single"

    async def test_the_error_says_who_is_logged_in(self) -> None:
        perspective = await self.first.login()
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assert_says_who_is_logged_in(why)
        self.assertEqual(await perspective.callRemote("steer", 450), 90)

    async def test_the_limit_is_per_account(self) -> None:
        perspective = await self.first.login()
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("steer", 10), 10)
        self.assertEqual(await perspective.callRemote("steer", 20), 20)

    async def test_one_of_many_simultaneous_logins_is_accepted(self) -> None:
        clients = [await self.connect() for _ in range(10)]
        logins = [client.login().addErrback(lambda why: why.type) for client in clients]
        answers = await gatherResults(logins)
        refused = [answer for answer in answers if not isinstance(answer, pb.RemoteReference)]
        self.assertEqual(refused, [b"pbrealm.errors.TooManyConnections"] * 9)


class SinglePingTests(SingleClientTestCase):
    program = "single_ping"

    async def test_a_client_that_answers_keeps_its_session(self) -> None:
        mind = Mind()
        perspective = await self.first.login(mind=mind)
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assert_says_who_is_logged_in(why)
        self.assertEqual(await perspective.callRemote("steer", 90), 90)
        # The server pinged the connection, and called no method of the mind.
        self.assertEqual(mind.calls.pending, [])

    async def test_a_client_without_a_mind_keeps_its_session(self) -> None:
        perspective = await self.first.login()
        await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assertEqual(await perspective.callRemote("steer", 90), 90)

    async def test_a_client_that_does_not_answer_loses_its_session(self) -> None:
        perspective = await self.first.login(mind=Mind())
        self.first.stop_reading()
        replacement = await self.login()
        self.assertEqual(await replacement.callRemote("steer", 90), 90)
        self.first.resume_reading()
        await self.first.lost
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "steer", 0)


class CallingMind(Mind):
    """
    A mind that calls its perspective once more when it receives the goodbye.

    @ivar result: the type of the error that this call got.
    """

    perspective_reference: pb.RemoteReference
    result: object = None

    def respond(self, message: str) -> object:
        if message != "goodbye":
            return None
        # The connection stays open until the goodbye is answered.
        called = self.perspective_reference.callRemote("steer", 180)
        return called.addCallbacks(self.got_through, self.failed)

    def got_through(self, answer: object) -> None:
        self.result = f"answered with {answer!r}"

    def failed(self, why: Failure) -> None:
        self.result = why.type


class SingleReplaceTests(SingleClientTestCase):
    program = "single_replace"

    async def test_the_replaced_client_is_told_and_its_reference_is_dead(self) -> None:
        mind = CallingMind()
        mind.perspective_reference = await self.first.login(mind=mind)
        await mind.perspective_reference.callRemote("steer", 90)
        replacement = await self.login()
        self.assertEqual(await mind.next_call(), ("goodbye", 3, "replaced", False))
        await self.first.lost
        self.assertEqual(mind.result, b"pbrealm.errors.SessionEnded")
        # The one avatar has one client.
        self.assertEqual(await replacement.callRemote("steer", 10), 10)

    async def test_a_client_without_a_mind_is_replaced(self) -> None:
        perspective = await self.first.login()
        replacement = await self.login()
        await self.first.lost
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "steer", 0)
        self.assertEqual(await replacement.callRemote("steer", 10), 10)

    async def test_a_connection_that_carries_another_login_stays_open(self) -> None:
        mind = Mind()
        alice = await self.first.login(mind=mind)
        bob = await self.first.login("bob")
        await self.login()
        self.assertEqual(await mind.next_call("goodbye"), ("goodbye", 3, "replaced", False))
        why = await self.refused(alice.callRemote("steer", 0), "pbrealm.errors.SessionEnded")
        self.assertIn("replaced", why)
        self.assertEqual(await bob.callRemote("steer", 20), 20)

    async def test_a_wrong_password_replaces_nobody(self) -> None:
        perspective = await self.first.login()
        await self.refused(self.login(password="guess"), "pbrealm.errors.WrongCredentials")
        self.assertEqual(await perspective.callRemote("steer", 90), 90)

    async def test_the_end_of_a_replaced_client_leaves_its_replacement_alone(self) -> None:
        old = await self.first.login()
        second = await self.connect()
        perspective = await second.login()
        await self.first.lost
        self.assertEqual(await perspective.callRemote("steer", 90), 90)
        # The successor's place is known to be taken, and isn't given away as soon as it has come:
        # the connection of the next one is closed, so that its client tries again later.
        with self.assertRaises(pb.PBConnectionLost):
            await self.login()
        self.assertEqual(await perspective.callRemote("steer", 10), 10)
        self.assertRaises(pb.DeadReferenceError, old.callRemote, "steer", 0)


class MultipleTests(ProgramTestCase):
    program = "multiple"

    async def test_a_message_reaches_all_clients(self) -> None:
        minds = [Mind() for _ in range(3)]
        clients = [await self.connect() for _ in minds]
        held = [await clients[i].login(mind=mind) for i, mind in enumerate(minds)]
        bystander = Mind()
        bob = await self.login("bob", mind=bystander)
        report = await held[1].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 3, "failed": 0, "gone": 0})
        for mind in minds:
            # The avatar also knows which of its clients made the call.
            speaker = f"alice at port {clients[1].port}"
            self.assertEqual(await mind.next_call(), ("hear", speaker, "ahoy"))
        self.assertEqual(
            await bob.callRemote("say", "hello"), {"heard": 1, "failed": 0, "gone": 0}
        )
        self.assertEqual(len(bystander.calls.pending), 1)

    async def test_a_failing_mind_does_not_stop_the_message(self) -> None:
        last = Mind()
        held = [await self.login(mind=mind) for mind in (Mind(), FailingMind(), last)]
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 2, "failed": 1, "gone": 0})
        self.assertEqual((await last.next_call())[2], "ahoy")

    async def test_a_lost_client_does_not_stop_the_message(self) -> None:
        minds = [Mind() for _ in range(3)]
        clients = [await self.connect() for _ in minds]
        held = [await clients[i].login(mind=mind) for i, mind in enumerate(minds)]
        # The server may send the message before or after it notices the loss.
        lost = clients[1].abort()
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual((report["heard"], report["failed"]), (2, 0))
        await lost
        self.assertEqual((await minds[2].next_call())[2], "ahoy")
        await wait_until_equal(
            lambda: held[2].callRemote("say", "still there?"),
            {"heard": 2, "failed": 0, "gone": 0},
        )

    async def test_a_client_lost_during_its_call_does_not_stop_the_message(self) -> None:
        class Leaving(Mind):
            client: PlainClient

            def respond(self, message: str) -> object:
                return self.client.abort()

        leaving, last = Leaving(), Mind()
        leaving.client = await self.connect()
        held = [await self.login(mind=Mind()), await leaving.client.login(mind=leaving)]
        held.append(await self.login(mind=last))
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 2, "failed": 0, "gone": 1})
        self.assertEqual((await last.next_call())[2], "ahoy")
        report = await held[0].callRemote("say", "still there?")
        self.assertEqual(report, {"heard": 2, "failed": 0, "gone": 0})


class AnonymousServiceTests(ProgramTestCase):
    program = "anonymous_service"

    async def guest(self) -> pb.RemoteReference:
        client = await self.connect()
        return await client.login_anonymously()

    async def test_each_guest_has_a_sheet_of_its_own(self) -> None:
        first, second = await self.guest(), await self.guest()
        self.assertEqual(await first.callRemote("whoami"), "guest#1")
        self.assertEqual(await second.callRemote("whoami"), "guest#2")
        self.assertEqual(await first.callRemote("write", "mine"), ["mine"])
        self.assertEqual(await second.callRemote("write", "too"), ["too"])

    async def test_a_guest_leaves_nothing_behind(self) -> None:
        client = await self.connect()
        await (await client.login_anonymously()).callRemote("write", "mine")
        await client.disconnect()
        self.assertEqual(await (await self.guest()).callRemote("write", "anew"), ["anew"])

    async def test_a_login_with_a_name_is_refused(self) -> None:
        await self.refused(self.login(), "pbrealm.errors.LoginRefused")


class AnonymousAccountsTests(ProgramTestCase):
    program = "anonymous_accounts"

    async def test_each_visitor_has_a_sheet_of_its_own(self) -> None:
        first = await self.login("visitor", "")
        second = await self.login("visitor", "")
        self.assertEqual(await first.callRemote("write", "mine"), ["mine"])
        self.assertEqual(await second.callRemote("write", "too"), ["too"])
        self.assertEqual(await first.callRemote("whoami"), "guest#1")
        self.assertEqual(await second.callRemote("whoami"), "guest#2")

    async def test_other_accounts_share_one_sheet(self) -> None:
        first, second = await self.login(), await self.login()
        await first.callRemote("write", "mine")
        self.assertEqual(await second.callRemote("write", "too"), ["mine", "too"])
        self.assertEqual(await second.callRemote("whoami"), "alice")

    async def test_a_login_without_a_name_is_refused(self) -> None:
        client = await self.connect()
        await self.refused(client.login_anonymously(), "pbrealm.errors.LoginRefused")


class ChatClientTests(ProgramTestCase):
    program = "chat_client"

    async def start_program(self) -> None:
        await self.serve(ANY_PORT)
        self.process = self.chat()
        await self.process.wait_for(r"\* logged in\n")

    async def serve(self, where: str) -> None:
        self.server = self.stop_after_test(
            Process([sys.executable, EXAMPLES / "multiple.py", where])
        )
        self.server_port = int((await self.server.wait_for(LISTENING, "out"))[1])

    def chat(self) -> Process:
        where = f"tcp:127.0.0.1:{self.server_port}"
        return Process([sys.executable, EXAMPLES / "chat_client.py", where])

    async def test_two_clients_and_a_server_that_is_killed(self) -> None:
        """What is typed while there is no server is said afterwards."""
        other = self.stop_after_test(self.chat())
        await other.wait_for(r"\* logged in\n")
        self.process.write(b"ahoy\n")
        await other.wait_for(r"alice at port \d+: ahoy\n")
        self.server.signal("KILL")
        await self.process.wait_for(
            r"\* the connection was lost; coming back in [1-4]\.\d seconds"
        )
        self.process.write(b"anybody there?\n")
        await self.serve(f"tcp:{self.server_port}:interface=127.0.0.1")
        await self.process.wait_for(r"alice at port \d+: anybody there\?\n")
        await other.wait_for(r"(?s)logged in.*logged in")
        self.process.write(b"back again\n")
        await other.wait_for(r"alice at port \d+: back again\n")
