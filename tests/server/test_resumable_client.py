"""
The sessions of clients that are away.
"""

from __future__ import annotations

import gc
from typing import Any, cast

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    MindTrackingRealm,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    ServerFactory,
)
from pbrealm.errors import SessionEnded
from pbrealm.testing import MemoryClient, MemoryServer
from tests.logs import observe_log
from tests.server.resumption_cases import Player, ResumableClient, ServerTestCase


class AwayTests(ServerTestCase):
    def setUp(self) -> None:
        self.serve()
        self.alice = ResumableClient(self.server)
        (self.session,) = self.realm.sessions()

    def test_avatar(self) -> None:
        """The avatar notices nothing of a loss, but when the time is over."""
        self.alice.lose()
        self.alice.come_back()
        self.assertEqual(self.session.avatar.seen, ["attached"])
        self.alice.lose()
        self.server.advance(61)
        self.assertEqual(self.session.avatar.seen, ["attached", Reason.DISCONNECTED])
        self.assertFalse(self.state.connections)

    def test_presence(self) -> None:
        (alice,) = self.realm.present()
        self.assertFalse(alice.away)
        self.alice.lose()
        self.assertTrue(alice.away)
        ResumableClient(self.server)
        (alice,) = self.realm.present()
        self.assertFalse(alice.away)

    def test_journal(self) -> None:
        events: list[Any] = []
        observe_log(self, lambda event: events.append(event.get("event")))
        self.alice.lose()
        self.alice.come_back()
        self.assertEqual([each for each in events if each], ["away", "return"])

    def test_on_away(self) -> None:
        seen: list[bool] = []
        self.session.on_away(lambda _: 1 / 0)
        self.session.on_away(lambda session: seen.append(session.away))
        self.alice.lose()
        self.alice.come_back()
        self.assertEqual(seen, [True, False])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_silent(self) -> None:
        """A client that stops answering is away, and pinged again once it is back."""
        self.alice.link.cut_off()
        self.server.advance(20)
        self.server.advance(11)
        self.assertTrue(self.session.away)
        self.alice.come_back()
        self.alice.link.cut_off()
        self.server.advance(20)
        self.server.advance(11)
        self.assertTrue(self.session.away)
        self.assertIsNone(self.session.ended)

    def test_counted(self) -> None:
        """One that is away takes no place among the connections, but one among those away."""
        self.alice.lose()
        self.assertEqual((self.state.counter._accepted, self.state.away._accepted), (0, 1))
        self.alice.come_back()
        self.assertEqual((self.state.counter._accepted, self.state.away._accepted), (1, 0))
        self.alice.lose()
        self.server.advance(61)
        self.assertEqual((self.state.counter._accepted, self.state.away._accepted), (0, 0))

    def test_shutting_down(self) -> None:
        self.alice.lose()
        closed = self.factory.close()
        for _ in range(10):
            self.server.advance(1)
        self.assertIsNone(self.successResultOf(closed))
        self.assertIs(self.session.ended, Reason.SHUTTING_DOWN)
        self.assertFalse(self.server.clock.getDelayedCalls())

    def test_lost_while_shutting_down(self) -> None:
        closed = self.factory.close()
        self.alice.lose()
        self.server.advance(1)
        self.assertIsNone(self.successResultOf(closed))

    def test_liveness(self) -> None:
        self.alice.lose()
        self.assertFalse(self.successResultOf(self.session.is_alive(10)))

    def test_kept_too_much(self) -> None:
        """A client that lacks more than is kept can't come back."""
        self.patch(self.alice.broker, "acknowledge", lambda _: None)
        for _ in range(20):
            self.session.notify("told", b"x" * 100_000)
            self.server.flush()
        self.alice.lose()
        self.assertIsNotNone(self.session.ended)

    def test_acknowledged(self) -> None:
        """What a client has acknowledged isn't kept."""
        for _ in range(200):
            self.session.notify("told", b"x" * 10_000)
            self.server.flush()
        stream = self.alice.client.server_broker.stream
        self.assertLess(stream._kept_bytes, 200_000)
        self.alice.lose()
        self.assertTrue(self.session.away)

    def test_paused(self) -> None:
        """What has come while its messages are paused is handled once they aren't any more."""
        self.alice.lose()
        self.alice.come_back()
        broker = self.alice.client.server_broker
        broker.pause_messages()
        answers = [self.alice.perspective.callRemote("echo", n) for n in range(3)]
        self.server.flush()
        self.assertNoResult(answers[0])
        broker.resume_messages()
        self.server.flush()
        self.assertEqual([self.successResultOf(each) for each in answers], [0, 1, 2])

    def test_unfinished_message(self) -> None:
        """Of one that has come in part, no more is kept than of what is to be sent."""
        self.alice.perspective.callRemote("echo", [b"x" * 100_000] * 12).addErrback(lambda _: None)
        data = self.alice.link._transport.getOutBuffer()
        self.alice.link._server_transport.bufferReceived(data[:500_000])
        self.alice.lose()
        self.assertTrue(self.session.away)
        self.alice.come_back()
        self.alice.perspective.callRemote("echo", [b"x" * 100_000] * 12).addErrback(lambda _: None)
        data = self.alice.link._transport.getOutBuffer()
        self.alice.link._server_transport.bufferReceived(data[:1_100_000])
        self.alice.lose()
        self.assertIsNotNone(self.session.ended)

    def test_second_login(self) -> None:
        """What is handled after a logout, in a further session, counts as handled."""
        client = self.alice.client
        self.alice.perspective = None
        gc.collect()
        self.server.flush()
        held = client.login("alice", "secret")
        client.call(held, "echo", 1)
        broker = client.server_broker
        self.assertEqual(broker.client.resumption.handled, broker.stream.received)

    def test_idle(self) -> None:
        """Of an idle client, nothing much is kept for long."""
        for _ in range(4):
            self.session.notify("told", b"x" * 10_000)
        stream = self.alice.client.server_broker.stream
        self.alice.perspective.callRemote("echo", b"x" * 30_000)
        self.server.flush()
        # Each end acknowledges what came, at the latest when it would ping.
        self.alice.resumption.stream.acknowledge_if_due()
        self.server.advance(20)
        self.assertLess(stream._kept_bytes, 10_000)
        self.assertLess(self.alice.resumption.stream._kept_bytes, 2_000)


class PolicyTests(ServerTestCase):
    """
    Whose place a newcomer gets.
    """

    def fill(self) -> None:
        self.clients = [ResumableClient(self.server) for _ in range(2)]
        self.first, self.second = self.realm.sessions()
        self.clients[1].lose()

    def test_replace(self) -> None:
        self.serve(limit=2, on_full=ReplaceOldest())
        self.fill()
        ResumableClient(self.server)
        self.assertEqual((self.first.ended, self.second.ended), (None, Reason.REPLACED))

    def test_ping(self) -> None:
        self.serve(limit=2, on_full=PingOldest())
        self.fill()
        ResumableClient(self.server)
        self.assertEqual((self.first.ended, self.second.ended), (None, Reason.NO_ANSWER))

    def test_refuse(self) -> None:
        """The place of one that is away is its own."""
        self.serve(limit=2, on_full=Refuse())
        self.fill()
        self.assertRaises(pb.RemoteError, ResumableClient, self.server)
        self.clients[1].come_back()
        self.assertIsNone(self.second.ended)

    def test_started_anew(self) -> None:
        """A client that was started anew has the place of its earlier self."""
        self.serve(limit=1, on_full=Refuse())
        earlier = ResumableClient(self.server, client_id=b"a")
        (session,) = self.realm.sessions()
        earlier.lose()
        ResumableClient(self.server, client_id=b"a")
        self.assertIs(session.ended, Reason.REPLACED)
        earlier.come_back()
        self.assertEqual([number for number, *_ in earlier.mind.goodbyes()], [3])
        earlier.lose()
        self.assertRaises(SessionEnded, earlier.come_back)

    def test_another_user(self) -> None:
        """The ids of clients are those of one account."""
        self.serve(limit=1, on_full=Refuse())
        ResumableClient(self.server, client_id=b"a").lose()
        ResumableClient(self.server, "bob", client_id=b"a")
        self.assertEqual(len(self.realm.sessions()), 2)

    def test_places_are_forgotten(self) -> None:
        self.serve()
        ResumableClient(self.server, client_id=b"a").lose()
        self.assertTrue(self.state.resumptions._by_client)
        self.server.advance(61)
        self.assertFalse(self.state.resumptions._by_client)


@implementer(ICredentialsChecker)
class SlowChecker:
    """
    Accepts whoever it is told to.
    """

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        asked: Deferred[Any] = Deferred()
        self.asked.append(asked)
        return asked


class LateTests(SynchronousTestCase):
    """
    A checker that takes so long that the same client has logged in again meanwhile.
    """

    def setUp(self) -> None:
        self.checker = SlowChecker()
        self.realm: MindTrackingRealm[Any] = MindTrackingRealm(CachingRealm(Player))
        self.factory = ServerFactory(Portal(cast(IRealm, self.realm), [self.checker]))
        self.server = MemoryServer(self.realm, factory=self.factory)

    def log_in(self) -> tuple[MemoryClient, Deferred[Any]]:
        client = self.server.connect()
        root = client.wait(client.factory.getRootObject())
        client.wait(root.callRemote("identify", b"a"))
        login = client.start_login("alice", "secret")
        login.addErrback(lambda _: None)
        self.server.flush()
        return client, login

    def check(self, *, lost: bool) -> None:
        first, _ = self.log_in()
        second, login = self.log_in()
        self.checker.asked[1].callback(b"alice")
        held = second.wait(login)
        (session,) = self.realm.sessions()
        if lost:
            first.drop()
        self.checker.asked[0].callback(b"alice")
        self.server.flush()
        self.assertIsNone(session.ended)
        for client in (first, second):
            client.drop()
        self.assertFalse(self.factory._server_state().resumptions._by_client)
        del held

    def test_lost(self) -> None:
        self.check(lost=True)

    def test_half_open(self) -> None:
        self.check(lost=False)
