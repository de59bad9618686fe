"""
The server factory, and its shutdown.
"""

from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    WaitForRoom,
    reason_of,
)
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind
from tests.avatars import Aware, Player, Slow
from tests.pitfalls.handwritten import CountingRealm
from tests.server.cases import SlowChecker


class ShutdownTests(SynchronousTestCase):
    def serve(self, realm):
        self.realm = realm
        self.server = MemoryServer(realm)
        self.factory: Any = self.server.factory
        self.held = []

    def log_in(self, name, mind=None):
        client = self.server.connect()
        self.held.append(client.login(name, "secret", mind))
        return client

    def test_no_connections(self):
        self.serve(CachingRealm(Player))
        self.successResultOf(self.factory.close())

    def test_all_sessions_end(self):
        """
        It's over when all have answered the goodbye, all connections are closed and no timer runs.
        """
        self.serve(MindTrackingRealm(CachingRealm(Player)))
        quick, slow = RecordingMind(), StallingMind()
        clients = [self.log_in("alice", quick), self.log_in("bob", slow), self.log_in("bob")]
        clients.append(self.server.connect())
        closed = self.factory.close()
        timers: list[Any] = []
        closed.addCallback(lambda _: timers.extend(self.server.clock.getDelayedCalls()))
        self.server.flush()
        for mind in (quick, slow):
            self.assertEqual(mind.goodbyes(), [(8, "shutting down", True)])
        self.assertNoResult(closed)
        slow.release()
        self.server.flush()
        self.assertIsNone(self.successResultOf(closed))
        self.assertEqual([client.connected for client in clients], [False] * 4)
        self.assertEqual(timers, [])

    def test_new_logins_are_refused(self):
        """
        The connections of clients that log in are closed, and no others get to connect.

        A client takes an error for final, and a lost connection for a reason to come back.
        """
        self.serve(CachingRealm(Player))
        self.log_in("alice", StallingMind())
        late = self.server.connect()
        closed = self.factory.close()
        login = late.start_login("bob", "secret")
        self.server.flush()
        self.failureResultOf(login, pb.PBConnectionLost)
        self.assertIsNone(self.server.factory.buildProtocol(None))
        self.server.advance(2)
        self.successResultOf(closed)

    def test_waiting_newcomers_are_refused(self):
        """Nobody gets the slot of a session that the shutdown has ended."""
        self.serve(ConnectionLimitedRealm(CachingRealm(Aware), on_full=WaitForRoom()))
        self.log_in("alice")
        waiting = self.server.connect().start_login("alice", "secret")
        self.server.flush()
        self.factory.close()
        self.server.flush()
        self.failureResultOf(waiting, pb.PBConnectionLost)

    def test_pending_login(self):
        slow = Slow(Player)
        self.serve(CachingRealm(slow))
        login = self.server.connect().start_login("alice", "secret")
        self.server.flush()
        closed = self.factory.close()
        self.server.flush()
        self.failureResultOf(login, pb.PBConnectionLost)
        # The avatar is to be retired, if it comes.
        self.assertNoResult(closed)
        slow.finish()
        self.server.flush()
        self.successResultOf(closed)

    def test_pending_in_a_checker(self):
        """A login on which a checker decides only then is refused."""
        checker = SlowChecker()
        self.realm = CachingRealm(Aware)
        factory = ServerFactory(Portal(self.realm, [checker, AllowAnonymousAccess()]))
        self.server = MemoryServer(self.realm, factory=factory)
        login = self.server.connect().start_login("alice", "secret")
        self.server.flush()
        closed = factory.close()
        checker.answer.callback(b"alice")
        self.server.flush()
        failure = self.failureResultOf(login)
        if not failure.check(pb.PBConnectionLost):
            self.assertIs(reason_of(failure), Reason.SHUTTING_DOWN)
        self.assertEqual(self.realm.avatars["alice"].clients if self.realm.avatars else [], [])
        self.successResultOf(closed)

    def test_slow_avatar(self):
        """An avatar that never detaches is waited for no longer than that."""
        self.serve(CachingRealm(Aware))
        client = self.log_in("alice")
        self.realm.avatars["alice"].detached = lambda *_: Deferred()
        closed = self.factory.close(patience=3)
        self.server.advance(2.9)
        self.assertNoResult(closed)
        self.server.advance(0.2)
        self.successResultOf(closed)
        self.assertFalse(client.connected)

    def test_half_open_connection(self):
        """A client that takes nothing any more doesn't hold it up for long."""
        self.serve(CachingRealm(Player))
        self.log_in("alice", RecordingMind()).cut_off()
        closed = self.factory.close()
        self.server.advance(2)
        self.server.advance(5)
        self.successResultOf(closed)

    def test_hand_written_realm(self):
        self.serve(CountingRealm())
        client = self.log_in("alice")
        closed = self.factory.close()
        self.server.flush()
        self.successResultOf(closed)
        self.assertFalse(client.connected)
        self.assertEqual(self.realm.avatars[b"alice"].connections, 0)
        with self.assertRaises(pb.DeadReferenceError):
            client.call(self.held[0], "greet")
