"""
The root object that clients log in by: what it refuses, and what the client gets then.
"""

import random
from typing import Any

from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, LoginRefused, Reason, ServerFactory, reason_of
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player
from tests.server.cases import ServerTestCase, SlowChecker


class ChallengeTests(ServerTestCase):
    def test_only_on_its_own_connection(self):
        """A response that was overheard is of no use on another connection, nor a second time."""
        client = self.serve()
        (_, challenger), other = self.challenge(client), self.server.connect()
        overheard = pb.respond(self.challenge(other)[0], b"secret")
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(challenger, "respond", overheard, None)
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.WrongCredentials")
        challenge, challenger = self.challenge(client)
        response = pb.respond(challenge, b"secret")
        self.held = client.call(challenger, "respond", response, None)
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(challenger, "respond", response, None)
        self.assertIn("has been answered before", str(caught.exception))

    def test_it_cannot_be_foretold(self):
        """Challenges don't come from the generator that a program may seed."""
        drawn = []
        state = random.getstate()
        self.addCleanup(random.setstate, state)
        for _ in range(2):
            random.seed(1)
            drawn.append(self.challenge(self.serve())[0])
        self.assertNotEqual(*drawn)
        self.assertEqual([len(each) for each in drawn], [16, 16])


class RefusalTextTests(ServerTestCase):
    def test_checker_that_denies(self):
        """What a checker refuses with becomes an error that crosses the wire as one line."""
        checker = SlowChecker()
        realm = CachingRealm(Player)
        server = MemoryServer(realm, factory=ServerFactory(Portal(realm, [checker])))
        client = server.connect()
        login = client.start_login("alice", "secret")
        server.flush()
        checker.answer.errback(LoginRefused("come back on Monday"))
        server.flush()
        failure = self.failureResultOf(login)
        self.assertEqual(failure.value, "come back on Monday (reason 4)")
        self.assertIs(reason_of(failure), Reason.REFUSED)

    def test_no_checker_for_it(self):
        realm = CachingRealm(Player)
        portal = make_portal(realm, {}, anonymous=False)
        server = MemoryServer(realm, factory=ServerFactory(portal))
        client = server.connect()
        login = client.start_login()
        server.flush()
        self.assertEqual(
            self.failureResultOf(login).value,
            "logins of this kind are not accepted here (reason 4)",
        )
        self.assertEqual(self.flushLoggedErrors(), [])
        client.drop()


class RequestTests(ServerTestCase):
    def test_long_names(self):
        """Names are remembered and logged, so they can't be of any length."""
        client = self.serve()
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("a" * 1025, "secret")
        self.assertEqual(str(caught.exception), "the name is longer than 1024 bytes (reason 4)")

    def test_wrong_calls(self):
        """Calls that are no way to log in are answered, and not logged."""
        client = self.serve()
        root = client.wait(client.factory.getRootObject())
        for method, args in (
            ("nothing", ()),
            ("login", ()),
            ("login", (b"alice", 2)),
            ("login", (17,)),
            ("loginAnonymous", ()),
        ):
            with self.assertRaises(pb.RemoteError) as caught:
                client.call(root, method, *args)
            self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.LoginRefused")
        _, challenger = self.challenge(client)
        with self.assertRaises(pb.RemoteError):
            client.call(challenger, "respond", ["no", "bytes"], None)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertTrue(client.connected)


class HandWrittenRealmTests(SynchronousTestCase):
    def test_it_may_call_the_mind(self) -> None:
        """A client counts as logged in while a hand-written realm decides, and answers it."""

        @implementer(IRealm)
        class Asking:
            async def ask(self, name: Any, mind: Any) -> Any:
                color = await mind.callRemote("color")
                return pb.IPerspective, Player(f"{name} in {color}"), lambda: None

            def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
                return Deferred.fromCoroutine(self.ask(avatarId.decode(), mind))

        server = MemoryServer(Asking())
        client = server.connect()
        held = client.login("alice", "secret", RecordingMind("blue"))
        self.assertEqual(client.call(held, "greet"), "<1>hello alice in blue")

    def test_one_object_for_many_logins(self) -> None:
        """Each login has its logout, once the client has dropped what it got for them."""
        shared, logouts = pb.Referenceable(), []

        @implementer(IRealm)
        class Sharing:
            def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
                return interfaces[0], shared, lambda: logouts.append(avatarId)

        server = MemoryServer(Sharing())
        client = server.connect()
        held = [client.login(name, "secret") for name in ("alice", "bob")]
        server.flush()
        logins = client.server_broker.client.logins
        self.assertEqual((logouts, logins.counts.alive), ([], 2))
        held.clear()
        server.flush()
        self.assertEqual((logouts, logins.counts.alive), ([b"alice", b"bob"], 0))
        self.assertEqual(client.server_broker._localCleanup, {})
        client.drop()
        self.assertEqual(logouts, [b"alice", b"bob"])
