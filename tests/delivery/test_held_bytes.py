"""
What waits for unsaved changes is bounded for all clients of a server together.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm._unsaved import CALL_MEMORY
from pbrealm.testing import MemoryClient
from tests.store.answer_cases import AnswersTestCase

BIG = 10_000
# Arguments are copied, and a copy counts more than its encoding.
HELD = 9 * BIG
LIMIT = 20 * HELD


class HeldBytesTests(AnswersTestCase):
    """
    Clients that have things sent to others while nothing can be saved, and leave.
    """

    def setUp(self) -> None:
        super().setUp()
        self.held: Any = self.client.server_broker.held_for_all
        self.held.limit = LIMIT

    def connect(self) -> tuple[MemoryClient, pb.RemoteReference]:
        """Another client of bob."""
        client = self.server.connect()
        return client, client.login("bob", "s")

    def tell(self, perspective: pb.RemoteReference, count: int) -> list[Deferred[Any]]:
        """Have alice told something, many times, by calls whose answers wait."""
        (alice,) = self.realm.sessions("alice")

        def tell(number: int) -> None:
            perspective_of_bob.state["n"] = number
            alice.notify("told", number, b"x" * BIG).addErrback(lambda _: None)

        perspective_of_bob: Any = self.realm.sessions("bob")[-1].avatar
        perspective_of_bob.perspective_tell = tell
        answers = [perspective.callRemote("tell", number) for number in range(count)]
        for answer in answers:
            answer.addErrback(lambda _: None)
        self.server.flush()
        return answers

    def fill(self) -> None:
        """Reach the limit by clients that leave."""
        for _ in range(100):
            client, bob = self.connect()
            self.tell(bob, 5)
            client.drop()
            if self.held.is_full:
                return
        self.fail("there is no limit")

    def test_clients_that_leave(self) -> None:
        """What they tell others is kept, and counts until it is sent."""
        self.fill()
        self.assertLess(self.held._held, LIMIT + HELD)
        self.storage.release()
        self.server.advance(0)
        self.assertEqual(self.held._held, 0)
        self.assertGreater(len(self.told()), 15)

    def test_logins(self) -> None:
        """Nobody logs in, and so comes to one more message, until something is saved."""
        self.fill()
        refused = self.server.connect().start_login("bob", "s")
        self.server.flush()
        self.failureResultOf(refused, pb.PBConnectionLost)
        self.storage.release()
        self.server.advance(0)
        self.server.connect().login("bob", "s")

    def test_one_message_each(self) -> None:
        """Those who are logged in get one more message through, and go on when that is saved."""
        _, bob = self.connect()
        self.fill()
        before = self.held._held
        answers = self.tell(bob, 50)
        self.assertLess(self.held._held, before + HELD)
        for _ in range(60):
            self.server.advance(0)
            self.storage.release_one()
        self.server.advance(0)
        self.assertEqual([self.successResultOf(each) for each in answers], [None] * 50)
        self.assertEqual(self.held._held, 0)

    def test_calls_that_wait_for_nothing(self) -> None:
        """They are answered, however much waits for others."""
        _, bob = self.connect()
        self.fill()
        for number in range(5):
            answer = self.start("echo", number, reference=bob)
            self.assertEqual(self.successResultOf(answer), number)

    def test_calls_of_those_who_have_left(self) -> None:
        """They count until they are done, also one that goes on after its client has left."""
        client, bob = self.connect()
        avatar = self.realm.sessions("bob")[-1].avatar
        first: Deferred[None] = Deferred()
        second: Deferred[None] = Deferred()
        for avatar.wait in (first, second):
            self.start("later", 1, reference=bob).addErrback(lambda _: None)
        first.callback(None)
        self.server.flush()
        one = self.held._held
        self.assertGreater(one, CALL_MEMORY)
        client.drop()
        self.assertEqual(self.held._held, one)
        second.callback(None)
        self.assertGreater(self.held._held, one + CALL_MEMORY)
        for _ in range(2):
            self.save()
            self.server.advance(0)
        self.assertEqual(self.held._held, 0)
