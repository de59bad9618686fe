"""
What happens to a newcomer when all slots are taken.
"""

from typing import Any

from twisted.cred.checkers import ANONYMOUS
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IFullPolicy,
    MindTrackingRealm,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    SessionEnded,
    TooManyConnections,
    WaitForRoom,
    reason_of,
)
from pbrealm.testing import MemoryServer
from tests.avatars import Aware, Player, Slow
from tests.logs import observe_log
from tests.realms.cases import RealmTestCase


class PolicyTestCase(RealmTestCase):
    def limited(self, factory=Aware, **options):
        return ConnectionLimitedRealm(CachingRealm(factory, clock=self.clock), **options)


class InterfaceTests(PolicyTestCase):
    def test_interfaces_and_bad_timeouts(self):
        for policy in (Refuse, ReplaceOldest, PingOldest, WaitForRoom):
            verifyClass(IFullPolicy, policy)
            verifyObject(IFullPolicy, policy())
        policies: tuple[Any, ...] = (PingOldest, WaitForRoom)
        for make in policies:
            for timeout in (0, -1, "1", True):
                with self.assertRaises(ValueError):
                    make(timeout=timeout)


class ReplaceOldestTests(PolicyTestCase):
    def test_replace_oldest(self):
        realm = self.limited(limit=2, on_full=ReplaceOldest())
        sessions = [self.session(realm) for _ in range(4)]
        self.assertEqual(
            [session.ended for session in sessions], [Reason.REPLACED, Reason.REPLACED, None, None]
        )

    def test_replace_oldest_of_all(self):
        realm = self.limited(total=2, on_full=ReplaceOldest())
        sessions = [self.session(realm, name) for name in "abc"]
        self.assertEqual([s.ended for s in sessions], [Reason.REPLACED, None, None])

    def test_own_sessions_are_replaced_first(self):
        realm = self.limited(limit=5, total=3, on_full=ReplaceOldest())
        alice, bob, again = (self.session(realm, name) for name in ("alice", "bob", "alice"))
        self.session(realm, "bob")
        self.assertEqual([s.ended for s in (alice, bob, again)], [None, Reason.REPLACED, None])

    def test_guests_replace_guests(self):
        """Anonymous clients don't end the sessions of users, though these may be older."""
        guests = DisposableRealm(Player)
        realm = ConnectionLimitedRealm(
            AnonymousRealm(CachingRealm(Player), guests), total=2, on_full=ReplaceOldest()
        )
        alice, guest = self.session(realm, "alice"), self.session(realm, ANONYMOUS)
        another = self.session(realm, ANONYMOUS)
        self.assertEqual([s.ended for s in (alice, guest)], [None, Reason.REPLACED])
        another.end()
        bob = self.session(realm, "bob")
        self.failureResultOf(self.request(realm, ANONYMOUS), TooManyConnections)
        self.assertEqual([s.ended for s in (alice, bob)], [None, None])

    def test_replace_pending(self):
        """One that is still at its login can be replaced, and its login fails at once."""
        slow = Slow()
        realm = self.limited(slow, on_full=ReplaceOldest())
        first, second = self.request(realm), self.request(realm)
        failure = self.failureResultOf(first, SessionEnded)
        self.assertIs(reason_of(failure), Reason.REPLACED)
        slow.finish()
        self.successResultOf(second)


class ReplaceEachOtherTests(PolicyTestCase):
    """
    Clients of one account that come back by themselves.
    """

    def come_and_go(self, realm, seconds):
        """Two clients, each of which comes back a second after it was replaced or refused."""
        replaced = 0
        holder = self.session(realm)
        for _ in range(seconds):
            self.clock.advance(1)
            login = self.request(realm)
            result = self.successResultOf(login.addErrback(reason_of))
            if result is not Reason.BUSY:
                self.assertIs(holder.ended, Reason.REPLACED)
                replaced += 1
                holder = result[1]
        return replaced

    def test_damped(self):
        """The second stays for 10 seconds, the next one for 20, and so on."""
        realm = self.limited(on_full=ReplaceOldest())
        self.assertEqual(self.come_and_go(realm, 20), 2)
        realm = self.limited(on_full=ReplaceOldest())
        self.assertEqual(self.come_and_go(realm, 3600), 11)

    def test_turned_off(self):
        realm = self.limited(on_full=ReplaceOldest(stay=0))
        self.assertEqual(self.come_and_go(realm, 20), 20)
        for stay in (-1, "5", None, True, False):
            self.assertRaises(ValueError, ReplaceOldest, stay=stay)

    def test_forgotten(self):
        """Whoever comes much later is let in at once, and the time starts anew."""
        realm = self.limited(on_full=ReplaceOldest(stay=10))
        self.come_and_go(realm, 100)
        for _ in range(3):
            self.clock.advance(2000)
            self.session(realm)
            self.clock.advance(9)
            self.failureResultOf(self.request(realm), TooManyConnections)
            self.clock.advance(1)
            self.session(realm)

    def test_said_once(self):
        """The journal says once for each session that others want its place."""
        said = []

        def observe(event):
            if event.get("event") == "contention":
                said.append(formatEvent(event))

        observe_log(self, observe)
        realm = self.limited(on_full=ReplaceOldest())
        self.session(realm)
        holder = self.session(realm)
        for _ in range(3):
            self.clock.advance(1)
            why = self.failureResultOf(self.request(realm), TooManyConnections)
        self.assertEqual(
            str(why.value),
            "alice has just logged in from an unknown address; try again in 7 s (reason 9)",
        )
        self.assertEqual(
            said,
            [
                "alice logs in from an unknown address and from an unknown address, and each "
                f"login ends the other's session: session {holder.id} stays for 9 s"
            ],
        )

    def test_total(self):
        """Nobody is told of others' sessions."""
        realm = self.limited(total=1, on_full=ReplaceOldest())
        self.session(realm, "alice")
        self.session(realm, "bob")
        why = self.failureResultOf(self.request(realm, "carol"), TooManyConnections)
        self.assertNotIn("bob", str(why.value))

    def test_others_are_replaced(self):
        """Of several sessions, one that may be replaced is."""
        realm = self.limited(limit=2, on_full=ReplaceOldest())
        first, second = self.session(realm), self.session(realm)
        third = self.session(realm)
        fourth = self.session(realm)
        self.assertEqual([s.ended for s in (first, second)], [Reason.REPLACED] * 2)
        self.failureResultOf(self.request(realm), TooManyConnections)
        self.assertEqual([s.ended for s in (third, fourth)], [None, None])


class WaitForRoomTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.realm = ConnectionLimitedRealm(
            CachingRealm(Aware, clock=self.clock), on_full=WaitForRoom(timeout=30, waiting=2)
        )
        self.first = self.successResultOf(self.request())[1]

    def request(self):
        return self.realm.requestAvatar("alice", None, pb.IPerspective)

    def test_in_order(self):
        second, third = self.request(), self.request()
        self.assertNoResult(second)
        self.first.end()
        session = self.successResultOf(second)[1]
        self.assertNoResult(third)
        session.end()
        self.successResultOf(third)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_time_runs_from_the_login(self):
        """The timeout includes the time in the queue."""
        before = len(self.first._on_end)
        second = self.request()
        self.clock.advance(20)
        third = self.request()
        self.clock.advance(10)
        self.failureResultOf(second, TooManyConnections)
        self.assertNoResult(third)
        self.clock.advance(20)
        self.failureResultOf(third, TooManyConnections)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.first._on_end), before)

    def test_too_many_wait(self):
        waiting = [self.request() for _ in range(2)]
        self.failureResultOf(self.request(), TooManyConnections)
        for login in waiting:
            login.cancel()
            self.failureResultOf(login, SessionEnded)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_two_free_slots_at_once(self):
        """All sessions of a connection end together, and as many newcomers get in."""
        realm = ConnectionLimitedRealm(CachingRealm(Player), limit=2, on_full=WaitForRoom())
        server = MemoryServer(realm)
        client = server.connect()
        self.held = [client.login("alice", "secret") for _ in range(2)]
        waiting = [server.connect().start_login("alice", "secret") for _ in range(2)]
        server.flush()
        client.drop()
        server.flush()
        self.held += [self.successResultOf(login) for login in waiting]

    def test_many_free_slots_at_once(self):
        """A long queue that empties at once makes no deep recursion."""
        limits = [1]
        realm = ConnectionLimitedRealm(
            CachingRealm(Player, clock=self.clock),
            limit=lambda _: limits[0],
            on_full=WaitForRoom(waiting=500),
        )
        first = self.successResultOf(realm.requestAvatar("alice", None, pb.IPerspective))[1]
        waiting = [realm.requestAvatar("alice", None, pb.IPerspective) for _ in range(400)]
        limits[0] = 1000
        first.end()
        for login in waiting:
            self.successResultOf(login)[1].end()
        self.assertEqual((len(realm._slots), realm._queues.length("alice")), (0, 0))

    def test_total(self):
        """Those who wait for the total are one queue; only the first watches the holders."""
        realm = ConnectionLimitedRealm(
            CachingRealm(Player, clock=self.clock), total=2, on_full=WaitForRoom(waiting=3)
        )

        def request(name):
            return realm.requestAvatar(name, None, pb.IPerspective)

        holders = [self.successResultOf(request(name))[1] for name in "ab"]
        before = len(holders[0]._on_end)
        waiting = [request(name) for name in "cde"]
        self.assertEqual(len(holders[0]._on_end), before + 1)
        self.failureResultOf(request("f"), TooManyConnections)
        holders[0].end()
        first = self.successResultOf(waiting[0])[1]
        self.assertNoResult(waiting[1])
        first.end()
        self.successResultOf(waiting[1])
        holders[1].end()
        self.successResultOf(waiting[2])
        self.assertEqual(realm._queues._queues, {})

    def test_first_in_the_queue_leaves(self):
        """When the first of the queue leaves, the next one waits in its place."""
        second, third = self.request(), self.request()
        second.cancel()
        self.failureResultOf(second, SessionEnded)
        self.first.end()
        self.successResultOf(third)

    def test_last_in_the_queue_leaves(self):
        second, third = self.request(), self.request()
        third.cancel()
        self.failureResultOf(third, SessionEnded)
        self.first.end()
        self.successResultOf(second)
        self.assertEqual(self.realm._queues._queues, {})


class PingOldestTests(SynchronousTestCase):
    def setUp(self):
        self.realm = MindTrackingRealm(
            ConnectionLimitedRealm(CachingRealm(Player), on_full=PingOldest(timeout=2))
        )
        self.server = MemoryServer(self.realm)
        self.first, self.second, self.third = (self.server.connect() for _ in range(3))
        self.held = self.first.login("alice", "secret")

    def test_alive_client_stays(self):
        """A client that answers stays; a plain client without a mind does."""
        with self.assertRaises(pb.RemoteError) as caught:
            self.second.login("alice", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.TooManyConnections")
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_dead_client_is_replaced(self):
        (old,) = self.realm.sessions()
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(2)
        self.assertIs(old.ended, Reason.NO_ANSWER)
        self.held = self.successResultOf(login)
        self.assertFalse(self.first.connected)

    def test_connection_lost_during_the_ping(self):
        """A connection that is lost during the ping frees the slot at once."""
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        self.first.drop()
        self.server.flush()
        self.held = self.successResultOf(login)

    def test_logout_during_the_ping(self):
        """A logout that arrives with the answer frees the slot."""
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        del self.held
        self.first.restore()
        self.server.flush()
        self.held = self.successResultOf(login)

    def test_two_newcomers_for_one_slot(self):
        """Only one of two newcomers gets the slot."""
        self.first.cut_off()
        logins = [c.start_login("alice", "secret") for c in (self.second, self.third)]
        self.server.flush()
        self.server.advance(2)
        self.held = self.successResultOf(logins[0])
        self.failureResultOf(logins[1]).trap("pbrealm.errors.TooManyConnections")
        self.assertEqual(len(self.realm.sessions()), 1)
