"""
Pitfalls 1 to 6: sessions that never end, or end twice.

Each check is run on pbrealm, where it must hold, and on the pattern that people write by hand,
where it must not: else it would prove nothing.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    MindTrackingRealm,
    Reason,
    ReplaceOldest,
    ServerFactory,
)
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Aware, Player, Slow, SlowToAttach
from tests.pitfalls.handwritten import (
    ByNameRealm,
    CheckThenWaitRealm,
    CountedAvatar,
    CountingRealm,
    WatchingRealm,
)

PASSWORDS = {"alice": "secret", "bob": "secret"}


@implementer(ICredentialsChecker)
class SlowChecker:
    """Accepts or refuses when the test says so."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self):
        self.pending = []
        self._checker = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")

    def requestAvatarId(self, credentials):
        pending: Deferred[Any] = Deferred()
        self.pending.append(pending)
        return pending.addCallback(lambda _: self._checker.requestAvatarId(credentials))

    def finish(self):
        self.pending.pop(0).callback(None)


class LoginPitfalls(SynchronousTestCase):
    def assert_fails(self, check, *args, by=SynchronousTestCase.failureException):
        """The check fails on the hand-written pattern, with the expected exception."""
        self.assertRaises(by, check, *args)
        self.flushLoggedErrors()

    def check_drop_during_check(self, make_factory, realm, mind):
        """A connection that is lost while the checker decides leaves no slot taken."""
        checker = SlowChecker()
        server = MemoryServer(realm, factory=make_factory(Portal(realm, [checker])))
        first = server.connect()
        refused = self.results_of(first.start_login("alice", "secret", mind()))
        server.flush()
        first.drop()
        checker.finish()
        second = server.connect()
        login = second.start_login("alice", "secret", mind())
        server.flush()
        checker.finish()
        self.assertIn("hello ", second.call(second.wait(login), "greet"))
        self.assertEqual(len(refused), 1)

    def results_of(self, deferred):
        # Held until the end of the test: a reference that nobody holds is a logout.
        results: list[Any] = []
        self.addCleanup(results.clear)
        deferred.addBoth(results.append)
        return results

    def limited(self, factory=Player):
        return ConnectionLimitedRealm(CachingRealm(factory), limit=1)

    def test_1_drop_during_check(self):
        """Pitfall 1, with nothing slow but the checker."""
        self.check_drop_during_check(ServerFactory, self.limited(), lambda: None)
        self.check_drop_during_check(ServerFactory, self.limited(), RecordingMind)
        self.check_drop_during_check(pb.PBServerFactory, self.limited(), RecordingMind)
        self.assert_fails(
            self.check_drop_during_check,
            pb.PBServerFactory,
            CountingRealm(),
            RecordingMind,
            by=pb.RemoteError,
        )

    def test_1_hand_written_realm_under_our_factory(self):
        """pbrealm's factory alone avoids pitfall 1 for a hand-written realm."""
        self.check_drop_during_check(ServerFactory, CountingRealm(), lambda: None)

    def check_drop_during_creation(self, make_factory, make_realm, mind, make=Player):
        """A connection that is lost while the avatar is made leaves no slot taken."""
        slow = Slow(make)
        realm = make_realm(slow)
        server = MemoryServer(realm, factory=make_factory(make_portal(realm, PASSWORDS)))
        first = server.connect()
        self.results_of(first.start_login("alice", "secret", mind()))
        server.flush()
        first.drop()
        slow.finish()
        second = server.connect()
        second.login("alice", "secret", mind())

    def test_1_drop_during_creation(self):
        self.check_drop_during_creation(ServerFactory, self.limited, lambda: None)
        self.check_drop_during_creation(pb.PBServerFactory, self.limited, RecordingMind)
        self.assert_fails(
            self.check_drop_during_creation,
            pb.PBServerFactory,
            CountingRealm,
            RecordingMind,
            CountedAvatar,
            by=pb.RemoteError,
        )

    def test_1_slot_is_free_before_creation_is_done(self):
        """The slot of a client that left is free at once, however long its avatar takes."""
        slow = Slow()
        realm = self.limited(slow)
        server = MemoryServer(realm)
        first = server.connect()
        self.results_of(first.start_login("alice", "secret"))
        server.flush()
        first.drop()
        second = server.connect()
        login = second.start_login("alice", "secret")
        server.flush()
        slow.finish()
        self.assertEqual(second.call(second.wait(login), "greet"), "<1>hello alice")
        self.assertEqual(slow.calls, [])

    def test_1_drop_during_attach(self):
        """An attach that succeeds after its client has gone is followed by its detach."""
        caching = CachingRealm(SlowToAttach)
        realm = MindTrackingRealm(caching)
        server = MemoryServer(realm)
        client = server.connect()
        self.results_of(client.start_login("alice", "secret"))
        server.flush()
        client.drop()
        (avatar,) = caching.avatars.values()
        avatar.attaching.finish()
        self.assertEqual([entry[0] for entry in avatar.history], ["attached", "detached"])
        self.assertEqual(avatar.history[1][2], Reason.DISCONNECTED)
        self.assertEqual(avatar.clients, [])
        self.assertEqual(realm.sessions(), ())

    def check_mindless(self, make_factory, make_realm, here):
        """A client that passes no mind is seen to leave while its login is pending, too."""
        realm = make_realm()
        server = MemoryServer(realm, factory=make_factory(make_portal(realm, PASSWORDS)))
        client = server.connect()
        self.held = client.login("alice", "secret")
        self.assertEqual(len(here(realm)), 1)
        client.drop()
        self.assertEqual(len(here(realm)), 0)

    def test_2_mindless(self):
        self.check_mindless(
            ServerFactory,
            lambda: MindTrackingRealm(CachingRealm(Player)),
            lambda realm: realm.sessions(),
        )
        self.assert_fails(
            self.check_mindless,
            pb.PBServerFactory,
            WatchingRealm,
            lambda realm: realm.here,
            by=pb.RemoteError,
        )

    def test_2_mindless_peer(self):
        """A session without a mind knows its client's address, and why it ended."""
        realm = MindTrackingRealm(CachingRealm(Player))
        server = MemoryServer(realm)
        client = server.connect()
        self.held = client.login("alice", "secret")
        (session,) = realm.sessions()
        self.assertEqual(session.peer, client.server_broker.transport.getPeer())
        client.drop()
        self.assertIs(session.ended, Reason.DISCONNECTED)

    def check_one_answer(self, make_factory, realm, count):
        """A challenge can be answered once."""
        server = MemoryServer(realm, factory=make_factory(make_portal(realm, PASSWORDS)))
        client = server.connect()
        root = client.wait(client.factory.getRootObject())
        challenge, challenger = client.call(root, "login", b"alice")
        response = pb.respond(challenge, b"secret")
        self.held = client.call(challenger, "respond", response, None)
        for _ in range(5):
            self.results_of(challenger.callRemote("respond", response, None))
        server.flush()
        self.assertEqual(count(), 1)

    def test_3_one_answer(self):
        realm = MindTrackingRealm(DisposableRealm(Player))
        self.check_one_answer(ServerFactory, realm, lambda: len(realm.sessions()))
        counting = CountingRealm(max=10)
        self.assert_fails(
            self.check_one_answer,
            pb.PBServerFactory,
            counting,
            lambda: counting.avatars[b"alice"].connections,
        )

    def check_out_of_references(self, make_factory, realm, count):
        """A login for which the broker has no reference left doesn't stay counted."""
        server = MemoryServer(realm, factory=make_factory(make_portal(realm, PASSWORDS)))
        client = server.connect()
        root = client.wait(client.factory.getRootObject())
        challenge, challenger = client.call(root, "login", b"alice")
        broker = client.server_broker
        while len(broker.localObjects) <= pb.MAX_BROKER_REFS:
            broker.registerReference(pb.Referenceable())
        refused = self.results_of(
            challenger.callRemote("respond", pb.respond(challenge, b"secret"), None)
        )
        server.flush()
        self.assertTrue(refused[0].check(pb.Error))
        self.assertEqual(count(), 0)

    def test_3_out_of_references(self):
        realm = MindTrackingRealm(DisposableRealm(Player))
        self.check_out_of_references(ServerFactory, realm, lambda: len(realm.sessions()))
        counting = CountingRealm()
        self.assert_fails(
            self.check_out_of_references,
            pb.PBServerFactory,
            counting,
            lambda: counting.avatars[b"alice"].connections,
        )

    def test_3_two_logins_on_one_connection(self):
        """Two logins over one connection are two sessions, each with an end of its own."""
        realm = MindTrackingRealm(CachingRealm(Aware))
        server = MemoryServer(realm)
        client = server.connect()
        first = client.login("alice", "secret")
        second = client.login("alice", "secret")
        one, two = realm.sessions()
        one.end(Reason.KICKED)
        server.advance(60)
        self.assertTrue(client.connected)
        self.assertEqual(client.call(second, "greet"), "<1>hello alice")
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(first, "greet")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.SessionEnded")
        two.end(Reason.KICKED)
        server.advance(60)
        self.assertFalse(client.connected)

    def check_late_disconnect(self, realm, here):
        """The late disconnect of a replaced session doesn't remove its successor."""
        server = MemoryServer(realm, factory=pb.PBServerFactory(make_portal(realm, PASSWORDS)))
        first, second = server.connect(), server.connect()
        self.held = [c.login("alice", "secret", RecordingMind()) for c in (first, second)]
        first.drop()
        self.assertEqual(len(here()), 1)

    def test_4_late_disconnect(self):
        ours = MindTrackingRealm(
            ConnectionLimitedRealm(CachingRealm(Player), on_full=ReplaceOldest())
        )
        self.check_late_disconnect(ours, lambda: ours.sessions("alice"))
        by_name = ByNameRealm()
        self.assert_fails(self.check_late_disconnect, by_name, lambda: by_name.connections)

    def check_concurrent_newcomers(self, make_realm):
        """Of two newcomers at the same time for one slot, one gets it."""
        slow = Slow(Player)
        realm = make_realm(slow)
        server = MemoryServer(realm, factory=pb.PBServerFactory(make_portal(realm, PASSWORDS)))
        logins = [
            self.results_of(server.connect().start_login("alice", "secret", RecordingMind()))
            for _ in range(2)
        ]
        server.flush()
        while slow.calls:
            slow.finish()
        server.flush()
        got_in = [result for (result,) in logins if isinstance(result, pb.RemoteReference)]
        self.assertEqual(len(got_in), 1)

    def test_5_concurrent_newcomers(self):
        self.check_concurrent_newcomers(self.limited)
        self.check_concurrent_newcomers(lambda slow: ConnectionLimitedRealm(DisposableRealm(slow)))
        self.check_concurrent_newcomers(
            lambda slow: ConnectionLimitedRealm(CachingRealm(slow), limit=9, total=1)
        )
        self.assert_fails(self.check_concurrent_newcomers, CheckThenWaitRealm)

    def test_5_wrong_password_evicts_nobody(self):
        realm = MindTrackingRealm(
            ConnectionLimitedRealm(CachingRealm(Player), on_full=ReplaceOldest())
        )
        server = MemoryServer(realm)
        self.held = server.connect().login("alice", "secret")
        before = realm.sessions()
        with self.assertRaises(pb.RemoteError):
            server.connect().login("alice", "wrong")
        self.assertEqual(realm.sessions(), before)

    def check_nothing_piles_up(self, make_factory, realm):
        """Logging in and out over one connection leaves nothing with the broker."""
        server = MemoryServer(realm, factory=make_factory(make_portal(realm, PASSWORDS)))
        client = server.connect()
        sizes = []
        for _ in range(10):
            reference = client.login("alice", "secret")
            del reference
            server.flush()
            broker = client.server_broker
            sizes.append(
                (len(broker.disconnects), len(broker.localObjects), len(broker._localCleanup))
            )
        self.assertEqual(sizes[-1], sizes[0])

    def test_6_nothing_piles_up(self):
        self.check_nothing_piles_up(ServerFactory, MindTrackingRealm(CachingRealm(Player)))
        self.check_nothing_piles_up(ServerFactory, CountingRealm())
        self.assert_fails(self.check_nothing_piles_up, pb.PBServerFactory, CountingRealm())

    def test_6_one_failing_callback(self):
        """A callback that fails at the end of a session doesn't stop the others."""
        realm = MindTrackingRealm(CachingRealm(Player))
        server = MemoryServer(realm)
        client = server.connect()
        self.held = client.login("alice", "secret")
        (session,) = realm.sessions()
        ended = []
        session.on_end(lambda session, reason: 1 / 0)
        session.on_end(lambda session, reason: ended.append(reason))
        client.drop()
        self.assertEqual(ended, [Reason.DISCONNECTED])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_6_one_failing_callback_by_hand(self):
        """How minds behave without pbrealm: the first exception skips the other callbacks."""
        realm = ByNameRealm()
        server = MemoryServer(realm, factory=pb.PBServerFactory(make_portal(realm, PASSWORDS)))
        client = server.connect()
        client.login("alice", "secret", RecordingMind())
        mind = realm.connections[b"alice"]
        ended: list[Any] = []
        mind.notifyOnDisconnect(lambda _: 1 / 0)
        mind.notifyOnDisconnect(ended.append)
        client.drop()
        self.assertEqual(ended, [])
        self.flushLoggedErrors(ZeroDivisionError)
