"""
By which ids and tokens clients come back.
"""

from __future__ import annotations

import itertools
from typing import Any

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    Limits,
    Reason,
)
from pbrealm._server.resumption import Resumptions
from pbrealm.errors import LoginRefused
from tests.server.resumption_cases import ResumableClient, ServerTestCase


class StrangerTests(ServerTestCase):
    """
    What one without a login can do with the methods.
    """

    def setUp(self) -> None:
        self.serve()
        self.alice = ResumableClient(self.server)
        (self.session,) = self.realm.sessions()
        self.stranger = self.server.connect()
        self.root = self.stranger.wait(self.stranger.factory.getRootObject())

    def refused(self, *call: Any) -> None:
        self.assertRaises(pb.RemoteError, self.stranger.call, self.root, *call)

    def test_begin(self) -> None:
        self.refused("beginResumable")

    def test_wrong_token(self) -> None:
        self.refused("resume", self.alice.resumption._name, b"x" * 16, 1, 0)
        self.assertEqual(self.session.away, False)

    def test_unknown_name(self) -> None:
        self.refused("resume", b"x" * 16, b"x" * 16, 1, 0)

    def test_arguments(self) -> None:
        for args in (("a", "b", 1, 0), (b"a", b"b", 1, b"0"), (None, None, None, None)):
            stranger = self.server.connect()
            root = stranger.wait(stranger.factory.getRootObject())
            self.assertRaises(pb.RemoteError, stranger.call, root, "resume", *args)

    def test_guesses(self) -> None:
        """A wrong token is a refused login, and there may be only so many."""
        for _ in range(3):
            self.refused("resume", self.alice.resumption._name, b"x" * 16, 1, 0)
        self.server.advance(0)
        self.assertFalse(self.stranger.connected)

    def test_delayed_attempt(self) -> None:
        """One that arrives after a later one harms nothing."""
        name, token = self.alice.resumption._name, self.alice.resumption._token
        self.alice.lose()
        self.alice.resumption._attempts = 1
        self.alice.come_back()
        self.refused("resume", name, token, 1, 0)
        self.assertFalse(self.session.away)
        self.assertEqual(self.alice.client.call(self.alice.perspective, "echo", 1), 1)

    def test_pinged(self) -> None:
        """A connection that was pinged may have an answer under way, so it isn't taken."""
        self.server.advance(20)
        name, token = self.alice.resumption._name, self.alice.resumption._token
        self.assertRaises(
            pb.PBConnectionLost, self.stranger.call, self.root, "resume", name, token, 1, 0
        )
        self.assertFalse(self.session.away)

    def test_logged_out(self) -> None:
        """A connection with a past can't take the place of another."""
        bob = self.stranger.login("bob", "secret")
        del bob
        self.server.flush()
        name, token = self.alice.resumption._name, self.alice.resumption._token
        self.refused("resume", name, token, 1, 0)

    def test_too_often(self) -> None:
        """A session comes back as often as a connection may log in."""
        returns = 0
        with self.assertRaises(pb.PBConnectionLost):
            while True:
                self.alice.lose()
                self.alice.come_back()
                returns += 1
        self.assertEqual(returns, 99)
        self.assertTrue(self.session.away)

    def test_counts(self) -> None:
        """A number of bytes that there weren't."""
        name, token = self.alice.resumption._name, self.alice.resumption._token
        answer = self.stranger.call(self.root, "resume", name, token, 1, 10**9)
        self.assertEqual(answer[0], b"ended")
        self.server.flush()
        self.assertIsNotNone(self.session.ended)

    def test_identify(self) -> None:
        for client_id in (b"", b"x" * 65, "a", 5):
            stranger = self.server.connect()
            root = stranger.wait(stranger.factory.getRootObject())
            self.assertRaises(pb.RemoteError, stranger.call, root, "identify", client_id)

    def test_identified_twice(self) -> None:
        self.stranger.call(self.root, "identify", b"a")
        self.refused("identify", b"b")

    def test_identified_late(self) -> None:
        bob = self.stranger.login("bob", "secret")
        self.refused("identify", b"a")
        del bob

    def test_several_logins(self) -> None:
        """A connection has one place for each of its accounts, and leaves nothing of it."""
        self.stranger.call(self.root, "identify", b"a")
        held = [self.stranger.login(name, "secret") for name in ("alice", "bob", "alice")]
        self.assertEqual(set(self.state.resumptions._by_client), {("alice", b"a"), ("bob", b"a")})
        self.stranger.drop()
        self.assertFalse(self.state.resumptions._by_client)
        del held

    def test_rate(self) -> None:
        """Returns are counted as logins are."""
        name, token = self.alice.resumption._name, self.alice.resumption._token
        while True:
            try:
                self.state.login_rates.begin("127.0.0.1", self.server.clock.seconds())
            except LoginRefused:
                break
        self.assertRaises(
            pb.PBConnectionLost, self.stranger.call, self.root, "resume", name, token, 1, 0
        )

    def test_logged_in(self) -> None:
        """A connection with a login can't take the place of another."""
        bob = self.stranger.login("bob", "secret")
        name, token = self.alice.resumption._name, self.alice.resumption._token
        self.refused("resume", name, token, 1, 0)
        del bob

    def test_twice(self) -> None:
        self.assertRaises(
            pb.RemoteError,
            self.alice.client.call,
            self.alice.root(self.alice.client),
            "beginResumable",
        )

    def test_acknowledgement(self) -> None:
        """One of bytes that weren't sent ends the connection, for good."""
        self.alice.broker.acknowledge(10**6)
        self.server.flush()
        self.assertIsNotNone(self.session.ended)


class TurnedOffTests(ServerTestCase):
    limits = Limits(login_seconds=0, ping_interval=0, resume_seconds=0)

    def test_turned_off(self) -> None:
        self.serve()
        why = self.assertRaises(pb.RemoteError, ResumableClient, self.server)
        self.assertIn("can't be resumed here", str(why))
        (session,) = self.realm.sessions()
        self.server.clients[0].drop()
        self.assertIs(session.ended, Reason.DISCONNECTED)


class ResumptionsTests(SynchronousTestCase):
    """
    L{Resumptions}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.resumptions = Resumptions(self.clock, 60)
        self.resumable: Any = type("Resumable", (), {"handled": 7})()

    def test_tokens(self) -> None:
        """The last two that were given out, until the client has used the later one."""

        def find(token: bytes) -> Any:
            return self.resumptions.find(name, token, next(attempts))

        attempts = itertools.count(1)
        name, first = self.resumptions.add(self.resumable)
        lost, second = [self.resumptions.next_token(name) for _ in range(2)]
        self.assertEqual(len({name, first, lost, second}), 4)
        for token in (first, first):
            self.assertIs(find(token), self.resumable)
        # The client has come back by the first again, so it hasn't got those.
        for token in (lost, second):
            self.assertRaises(LoginRefused, find, token)
        third = self.resumptions.next_token(name)
        self.assertIs(find(third), self.resumable)
        self.assertRaises(LoginRefused, find, first)

    def test_attempts(self) -> None:
        """One that was delayed, so that a later one has come before, is refused."""
        name, token = self.resumptions.add(self.resumable)
        self.assertIs(self.resumptions.find(name, token, 2), self.resumable)
        for attempt in (0, 1, 2):
            self.assertRaises(LoginRefused, self.resumptions.find, name, token, attempt)
        self.assertIs(self.resumptions.find(name, token, 3), self.resumable)

    def test_forgotten(self) -> None:
        name, token = self.resumptions.add(self.resumable)
        self.resumptions.remove(name, Reason.KICKED)
        self.clock.advance(61)
        self.assertRaises(LoginRefused, self.resumptions.find, name, token, 1)
        self.assertFalse(self.resumptions._ended)
