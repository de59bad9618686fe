"""
Coming back to a session whose connection was lost.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, MindTrackingRealm
from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm.client._resumption import Resumption
from pbrealm.errors import Reason, SessionEnded
from pbrealm.testing import MemoryClient, MemoryServer, RecordingMind


class Counter(pb.Avatar):
    """
    Notes what it is asked, and may answer later.
    """

    def __init__(self, name: str) -> None:
        self.asked: list[Any] = []
        self.answers: list[Deferred[Any]] = []

    def perspective_ask(self, what: Any) -> Any:
        self.asked.append(what)
        return what

    def perspective_ask_later(self, what: Any) -> Any:
        self.asked.append(what)
        answer: Deferred[Any] = Deferred()
        self.answers.append(answer)
        return answer


class ClientFactory(pb.PBClientFactory):
    protocol = ResumableBroker


class ResumptionTestCase(SynchronousTestCase):
    limits = Limits(login_seconds=0, ping_interval=0, resume_seconds=60)

    def setUp(self) -> None:
        self.realm: MindTrackingRealm[Any] = MindTrackingRealm(CachingRealm(Counter))
        self.server = MemoryServer(self.realm, limits=self.limits)
        self.mind = RecordingMind()
        self.client = self.server.connect(ClientFactory())
        self.alice = self.client.login("alice", "secret", self.mind)
        (self.session,) = self.realm.sessions()
        self.avatar: Counter = self.session.avatar
        self.resumption: Resumption = self.client.wait(
            Deferred.fromCoroutine(
                Resumption.begin(self.client.broker, self.root(self.client), 100_000)
            )
        )

    def root(self, client: MemoryClient) -> Any:
        return client.wait(client.factory.getRootObject())

    def resume(self) -> MemoryClient:
        """Come back by a new connection."""
        client = self.server.connect(ClientFactory())
        client.wait(
            Deferred.fromCoroutine(self.resumption.resume(client.broker, self.root(client)))
        )
        return client


class ResumptionTests(ResumptionTestCase):
    def test_nothing_lost(self) -> None:
        self.assertEqual(self.client.call(self.alice, "ask", 1), 1)
        self.client.drop()
        self.assertTrue(self.session.away)
        self.assertIsNone(self.session.ended)
        self.resume()
        self.assertFalse(self.session.away)
        self.assertEqual(self.client.call(self.alice, "ask", 2), 2)
        self.assertEqual(self.avatar.asked, [1, 2])

    def test_while_away(self) -> None:
        """What is sent meanwhile arrives, in order."""
        self.client.drop()
        answer = self.alice.callRemote("ask", 1)
        self.session.notify("told", 1).addErrback(self.fail)
        self.realm.broadcast("told", 2)
        self.server.flush()
        self.assertEqual((self.avatar.asked, self.mind.calls), ([], []))
        self.resume()
        self.assertEqual(self.client.wait(answer), 1)
        self.assertEqual(self.mind.calls, [("told", (1,)), ("told", (2,))])

    def test_answer_while_away(self) -> None:
        answer = self.alice.callRemote("ask_later", 1)
        self.server.flush()
        self.client.drop()
        self.avatar.answers[0].callback(5)
        self.resume()
        self.assertEqual(self.client.wait(answer), 5)

    def test_not_noticed_by_the_server(self) -> None:
        """The client comes back while the server takes the old connection for alive."""
        self.client.cut_off()
        answer = self.alice.callRemote("ask", 1)
        self.resume()
        self.assertEqual(self.client.wait(answer), 1)
        self.server.flush()
        self.assertEqual(len(self.realm.sessions()), 1)

    def test_time_over(self) -> None:
        self.client.drop()
        self.server.advance(59)
        self.assertIsNone(self.session.ended)
        self.server.advance(2)
        self.assertIs(self.session.ended, Reason.DISCONNECTED)
        why = self.assertRaises(SessionEnded, self.resume)
        self.assertIs(why.reason, Reason.DISCONNECTED)

    def test_kicked_while_away(self) -> None:
        self.client.drop()
        self.session.end(Reason.KICKED)
        self.server.advance(3)
        self.server.advance(5)
        why = self.assertRaises(SessionEnded, self.resume)
        self.assertIs(why.reason, Reason.KICKED)

    def test_goodbye_while_away(self) -> None:
        """One who comes back soon is told why by the goodbye."""
        self.client.drop()
        self.session.end(Reason.KICKED)
        self.resume()
        self.server.flush()
        self.assertEqual(self.mind.calls, [("goodbye", (5, "kicked", False))])
        self.assertFalse(self.client.connected)

    def test_many_times(self) -> None:
        client = self.client
        for number in range(5):
            self.assertEqual(self.client.call(self.alice, "ask", number), number)
            client.drop()
            client = self.resume()
        self.assertEqual(self.avatar.asked, list(range(5)))

    def test_logout(self) -> None:
        """One who has logged out isn't away."""
        del self.alice
        self.server.flush()
        self.assertIs(self.session.ended, Reason.LOGGED_OUT)
        self.client.drop()
        self.assertFalse(self.session.away)
        self.assertRaises(SessionEnded, self.resume)
