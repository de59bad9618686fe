"""
The programs for the patterns of "Managing Clients of Perspectives" in its form of 2003.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from twisted.internet.defer import gatherResults
from twisted.spread import pb

from tests.integration.examples.programs import ProgramTestCase
from tests.integration.plain_client import DeafMind, Mind


class ClientlessTests(ProgramTestCase):
    program = "clientless"

    async def test_oblivious(self):
        first = await self.connect()
        perspective = await first.login(mind=Mind())
        other = await self.login()
        await perspective.callRemote("set", 23)
        self.assertEqual(await other.callRemote("get"), 23)
        await first.leave()
        self.assertEqual(await other.callRemote("get"), 23)
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("get"), 18)

    async def test_nobody_left(self):
        client = await self.connect()
        await (await client.login()).callRemote("set", 23)
        await client.leave()
        self.assertEqual(await (await self.login()).callRemote("get"), 23)


class SingleClientTestCase(ProgramTestCase):
    async def setUp(self):
        await super().setUp()
        self.first = await self.connect()

    def assert_says_who_holds_the_place(self, why):
        self.assertIn(f"alice is logged in already, from {self.first.address} since ", why)
        since = why.partition(" since ")[2].partition(" UTC")[0]
        since = datetime.strptime(since, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        self.assertLess(abs(datetime.now(timezone.utc) - since), timedelta(minutes=1))


class SingleTests(SingleClientTestCase):
    program = "single"

    async def test_the_second_is_told_who_holds_the_place(self):
        perspective = await self.first.login()
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assert_says_who_holds_the_place(why)
        self.assertEqual(await perspective.callRemote("steer", 450), 90)

    async def test_other_accounts_have_a_place_of_their_own(self):
        perspective = await self.first.login()
        bob = await self.login("bob")
        self.assertEqual(await bob.callRemote("steer", 10), 10)
        self.assertEqual(await perspective.callRemote("steer", 20), 20)

    async def test_of_many_at_once_one_gets_in(self):
        clients = [await self.connect() for _ in range(10)]
        logins = [client.login().addErrback(lambda why: why.type) for client in clients]
        answers = await gatherResults(logins)
        refused = [answer for answer in answers if not isinstance(answer, pb.RemoteReference)]
        self.assertEqual(refused, [b"pbrealm.errors.TooManyConnections"] * 9)


class SinglePingTests(SingleClientTestCase):
    program = "single_ping"

    async def test_the_first_stays_if_it_answers(self):
        mind = Mind()
        perspective = await self.first.login(mind=mind)
        why = await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assert_says_who_holds_the_place(why)
        self.assertEqual(await perspective.callRemote("steer", 90), 90)
        # The look was at the connection, and troubled nobody.
        self.assertEqual(mind.told.pending, [])

    async def test_the_first_needs_no_mind_to_answer(self):
        perspective = await self.first.login()
        await self.refused(self.login(), "pbrealm.errors.TooManyConnections")
        self.assertEqual(await perspective.callRemote("steer", 90), 90)

    async def test_the_first_goes_if_it_is_silent(self):
        perspective = await self.first.login(mind=Mind())
        self.first.stop_reading()
        newcomer = await self.login()
        self.assertEqual(await newcomer.callRemote("steer", 90), 90)
        self.first.read_on()
        await self.first.lost
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "steer", 0)


class LastWordsMind(Mind):
    """
    A mind that, when it's told goodbye, calls through its reference once more.

    @ivar last_words: the type of the error that it got.
    """

    perspective_reference = None
    last_words = None

    def respond(self, message):
        if message != "goodbye":
            return None
        # The connection stays open until the goodbye is answered.
        called = self.perspective_reference.callRemote("steer", 180)
        return called.addCallbacks(self.got_through, self.failed)

    def got_through(self, answer):
        self.last_words = f"it was answered: {answer!r}"

    def failed(self, why):
        self.last_words = why.type


class SingleReplaceTests(SingleClientTestCase):
    program = "single_replace"

    async def test_the_old_client_is_told_and_its_reference_is_dead(self):
        mind = LastWordsMind()
        mind.perspective_reference = await self.first.login(mind=mind)
        await mind.perspective_reference.callRemote("steer", 90)
        newcomer = await self.login()
        self.assertEqual(await mind.hear(), ("goodbye", 3, "replaced", False))
        await self.first.lost
        self.assertEqual(mind.last_words, b"pbrealm.errors.SessionEnded")
        # The one avatar has one client.
        self.assertEqual(await newcomer.callRemote("steer", 10), 10)

    async def test_an_old_client_without_a_mind(self):
        perspective = await self.first.login()
        newcomer = await self.login()
        await self.first.lost
        self.assertRaises(pb.DeadReferenceError, perspective.callRemote, "steer", 0)
        self.assertEqual(await newcomer.callRemote("steer", 10), 10)

    async def test_a_connection_that_carries_another_login_stays_open(self):
        mind = Mind()
        alice = await self.first.login(mind=mind)
        bob = await self.first.login("bob")
        await self.login()
        self.assertEqual(await mind.hear("goodbye"), ("goodbye", 3, "replaced", False))
        why = await self.refused(alice.callRemote("steer", 0), "pbrealm.errors.SessionEnded")
        self.assertIn("replaced", why)
        self.assertEqual(await bob.callRemote("steer", 20), 20)

    async def test_who_does_not_know_the_password_replaces_nobody(self):
        perspective = await self.first.login()
        await self.refused(self.login(password="guess"), "pbrealm.errors.WrongCredentials")
        self.assertEqual(await perspective.callRemote("steer", 90), 90)

    async def test_the_end_of_the_old_client_does_not_touch_its_successor(self):
        old = await self.first.login()
        second = await self.connect()
        perspective = await second.login()
        await self.first.lost
        self.assertEqual(await perspective.callRemote("steer", 90), 90)
        # The successor's place is known to be taken: it's the one who goes now.
        third = await self.login()
        await second.lost
        self.assertEqual(await third.callRemote("steer", 10), 10)
        for reference in (old, perspective):
            self.assertRaises(pb.DeadReferenceError, reference.callRemote, "steer", 0)


class MultipleTests(ProgramTestCase):
    program = "multiple"

    async def test_a_message_reaches_all_clients(self):
        minds = [Mind() for _ in range(3)]
        clients = [await self.connect() for _ in minds]
        held = [await clients[i].login(mind=mind) for i, mind in enumerate(minds)]
        bystander = Mind()
        bob = await self.login("bob", mind=bystander)
        report = await held[1].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 3, "failed": 0, "gone": 0})
        for mind in minds:
            # Which of the clients of the one avatar has spoken is known too.
            speaker = f"alice at port {clients[1].port}"
            self.assertEqual(await mind.hear(), ("hear", speaker, "ahoy"))
        self.assertEqual(
            await bob.callRemote("say", "hello"), {"heard": 1, "failed": 0, "gone": 0}
        )
        self.assertEqual(len(bystander.told.pending), 1)

    async def test_one_that_fails_does_not_stop_it(self):
        last = Mind()
        held = [await self.login(mind=mind) for mind in (Mind(), DeafMind(), last)]
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 2, "failed": 1, "gone": 0})
        self.assertEqual((await last.hear())[2], "ahoy")

    async def test_one_that_was_dropped_does_not_stop_it(self):
        minds = [Mind() for _ in range(3)]
        clients = [await self.connect() for _ in minds]
        held = [await clients[i].login(mind=mind) for i, mind in enumerate(minds)]
        # The message goes out before, while or after the server hears of the loss.
        lost = clients[1].abort()
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual((report["heard"], report["failed"]), (2, 0))
        await lost
        self.assertEqual((await minds[2].hear())[2], "ahoy")
        report = await held[2].callRemote("say", "still there?")
        self.assertEqual(report, {"heard": 2, "failed": 0, "gone": 0})

    async def test_one_that_goes_while_it_is_asked_does_not_stop_it(self):
        class Leaving(Mind):
            def respond(self, message):
                return self.client.abort()

        leaving, last = Leaving(), Mind()
        leaving.client = await self.connect()
        held = [await self.login(mind=Mind()), await leaving.client.login(mind=leaving)]
        held.append(await self.login(mind=last))
        report = await held[0].callRemote("say", "ahoy")
        self.assertEqual(report, {"heard": 2, "failed": 0, "gone": 1})
        self.assertEqual((await last.hear())[2], "ahoy")
        report = await held[0].callRemote("say", "still there?")
        self.assertEqual(report, {"heard": 2, "failed": 0, "gone": 0})


class AnonymousServiceTests(ProgramTestCase):
    program = "anonymous_service"

    async def guest(self):
        client = await self.connect()
        return await client.login_anonymously()

    async def test_each_guest_has_a_sheet_of_its_own(self):
        first, second = await self.guest(), await self.guest()
        self.assertEqual(await first.callRemote("whoami"), "guest#1")
        self.assertEqual(await second.callRemote("whoami"), "guest#2")
        self.assertEqual(await first.callRemote("write", "mine"), ["mine"])
        self.assertEqual(await second.callRemote("write", "too"), ["too"])

    async def test_nothing_is_left_of_a_guest(self):
        client = await self.connect()
        await (await client.login_anonymously()).callRemote("write", "mine")
        await client.leave()
        self.assertEqual(await (await self.guest()).callRemote("write", "anew"), ["anew"])

    async def test_nobody_has_a_name(self):
        await self.refused(self.login(), "pbrealm.errors.LoginRefused")


class AnonymousAccountsTests(ProgramTestCase):
    program = "anonymous_accounts"

    async def test_visitors_are_strangers_to_each_other(self):
        first = await self.login("visitor", "")
        second = await self.login("visitor", "")
        self.assertEqual(await first.callRemote("write", "mine"), ["mine"])
        self.assertEqual(await second.callRemote("write", "too"), ["too"])
        self.assertEqual(await first.callRemote("whoami"), "guest#1")
        self.assertEqual(await second.callRemote("whoami"), "guest#2")

    async def test_the_others_have_what_they_had(self):
        first, second = await self.login(), await self.login()
        await first.callRemote("write", "mine")
        self.assertEqual(await second.callRemote("write", "too"), ["mine", "too"])
        self.assertEqual(await second.callRemote("whoami"), "alice")

    async def test_without_a_name(self):
        client = await self.connect()
        await self.refused(client.login_anonymously(), "pbrealm.errors.LoginRefused")
