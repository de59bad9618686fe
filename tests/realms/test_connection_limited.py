"""
The realms that wrap one: limits and their policies, guests, tracking.
"""

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyClass, verifyObject

from pbrealm import (
    AnonymousRealm,
    Arrival,
    CachingRealm,
    ConnectionLimitedRealm,
    Departure,
    DisposableRealm,
    IFullPolicy,
    ISessionRealm,
    LoginRefused,
    MindTrackingRealm,
    NoMind,
    NotifyTimeout,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    SessionEnded,
    TooManyConnections,
    WaitForRoom,
    reason_of,
)
from pbrealm.testing import (
    FailingMind,
    MemoryServer,
    RecordingMind,
    StallingMind,
    VanishingMind,
    make_portal,
)
from tests.avatars import Aware, Player, Slow


@implementer(IRealm)
class HandWritten:
    """A realm that knows nothing of pbrealm, and answers when the test says so."""

    def __init__(self, slow=False):
        self.slow = slow
        self.asked = []
        self.logouts = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        if pb.IPerspective not in interfaces:
            raise NotImplementedError("perspectives only")
        self.asked.append((avatarId, mind))
        answer = (pb.IPerspective, Player(avatarId), lambda: self.logouts.append(avatarId))
        if self.slow:
            self.pending = Deferred().addCallback(lambda _: answer)
            return self.pending
        return answer


class WrappingMixin:
    """
    What holds of each of the wrapping realms; C{wrap} wraps.
    """

    def setUp(self):
        self.clock = Clock()

    def request(self, realm, name="alice", mind=None):
        return realm.requestAvatar(name, mind, pb.IPerspective)

    def session(self, realm, name="alice"):
        _, session, _ = self.successResultOf(self.request(realm, name))
        return session

    def test_interfaces(self):
        realm = self.wrap(HandWritten())
        verifyObject(IRealm, realm)
        verifyObject(ISessionRealm, realm)

    def test_hand_written(self):
        """A hand-written realm gets a string and the mind, and its logout is called once."""
        inner = HandWritten()
        mind = RecordingMind()
        _, session, logout = self.successResultOf(self.request(self.wrap(inner), b"alice", mind))
        self.assertEqual(inner.asked, [("alice", mind)])
        self.assertEqual(session.avatar.name, "alice")
        logout()
        session.end()
        self.assertEqual(inner.logouts, ["alice"])

    def test_hand_written_too_late(self):
        """A hand-written realm that answers too late is logged out from."""
        inner = HandWritten(slow=True)
        login = self.request(self.wrap(inner))
        login.cancel()
        self.failureResultOf(login, SessionEnded)
        inner.pending.callback(None)
        self.assertEqual(inner.logouts, ["alice"])

    def test_hand_written_refuses(self):
        inner = HandWritten(slow=True)
        login = self.request(self.wrap(inner))
        inner.pending.errback(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)

    def test_hand_written_raises(self):
        realm = self.wrap(HandWritten())
        login = realm.requestAvatar("alice", None, ISessionRealm)
        self.failureResultOf(login, NotImplementedError)

    def test_clock_of_the_realm_within(self):
        self.assertIs(self.wrap(CachingRealm(Player, clock=self.clock)).clock, self.clock)
        self.assertIsNone(self.wrap(HandWritten()).clock)


class LimitTests(WrappingMixin, SynchronousTestCase):
    def wrap(self, realm, **options):
        return ConnectionLimitedRealm(realm, **options)

    def limited(self, factory=Aware, **options):
        return self.wrap(CachingRealm(factory, clock=self.clock), **options)

    def test_limit(self):
        realm = self.limited(limit=2)
        sessions = [self.session(realm) for _ in range(2)]
        self.failureResultOf(self.request(realm), TooManyConnections)
        self.session(realm, "bob")
        sessions[0].end()
        self.session(realm)

    def test_limit_by_role(self):
        realm = self.limited(limit=lambda name: 2 if name == "admin" else 1)
        for name in ("admin", "admin", "alice"):
            self.session(realm, name)
        for name in ("admin", "alice"):
            self.failureResultOf(self.request(realm, name), TooManyConnections)

    def test_nobody(self):
        """A limit of none by role lets nobody in, whatever the policy."""
        for policy in (Refuse(), ReplaceOldest(), PingOldest(), WaitForRoom()):
            realm = self.limited(limit=lambda _: 0, on_full=policy)
            self.failureResultOf(self.request(realm), TooManyConnections)

    def test_total(self):
        realm = self.limited(limit=2, total=3)
        self.held = [self.session(realm, name) for name in ("alice", "alice", "bob")]
        failure = self.failureResultOf(self.request(realm, "bob"), TooManyConnections)
        self.assertNotIn("alice", str(failure.value))
        failure = self.failureResultOf(self.request(realm, "carol"), TooManyConnections)
        self.assertEqual(str(failure.value), "as many clients are logged in as may be (reason 4)")

    def test_failed_login_frees_its_place(self):
        slow = Slow()
        realm = self.limited(slow)
        login = self.request(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)
        slow.fail(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)
        again = self.request(realm)
        slow.finish()
        self.successResultOf(again)

    def test_bad_numbers(self):
        for options in ({"limit": 0}, {"limit": "2"}, {"limit": True}, {"total": -1}):
            with self.assertRaises(ValueError):
                self.limited(**options)

    def test_policies(self):
        for policy in (Refuse, ReplaceOldest, PingOldest, WaitForRoom):
            verifyClass(IFullPolicy, policy)
            verifyObject(IFullPolicy, policy())
        for make in (PingOldest, WaitForRoom):
            for timeout in (0, -1, "1", True):
                with self.assertRaises(ValueError):
                    make(timeout=timeout)

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

    def test_users_replace_their_own_first(self):
        realm = self.limited(limit=5, total=3, on_full=ReplaceOldest())
        alice, bob, again = (self.session(realm, name) for name in ("alice", "bob", "alice"))
        self.session(realm, "bob")
        self.assertEqual([s.ended for s in (alice, bob, again)], [None, Reason.REPLACED, None])

    def test_guests_replace_guests(self):
        """Strangers turn out no users, though these may be there for longer."""
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

    def test_policy_that_makes_no_room(self):
        """A policy that lets nobody leave doesn't keep the newcomer in suspense."""

        @implementer(IFullPolicy)
        class Idle:
            waiting = 1

            def make_room(self, newcomer, holders):
                return None

        realm = self.limited(on_full=Idle())
        self.held = self.session(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)

    def test_policy_that_fails(self):
        """The newcomer is refused, and the next one has his turn."""

        @implementer(IFullPolicy)
        class Broken:
            waiting = 1

            def make_room(self, newcomer, holders):
                return Deferred().callback(1 / 0)

        realm = self.limited(on_full=Broken())
        held = self.session(realm)
        self.failureResultOf(self.request(realm), ZeroDivisionError)
        held.end()
        self.session(realm)


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
        """One that has stood in the queue hasn't got its whole time again."""
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

    def test_two_places_at_once(self):
        """All sessions of a connection leave together, and as many get in."""
        realm = ConnectionLimitedRealm(CachingRealm(Player), limit=2, on_full=WaitForRoom())
        server = MemoryServer(realm)
        client = server.connect()
        self.held = [client.login("alice", "secret") for _ in range(2)]
        waiting = [server.connect().start_login("alice", "secret") for _ in range(2)]
        server.flush()
        client.drop()
        server.flush()
        self.held += [self.successResultOf(login) for login in waiting]

    def test_much_room_at_once(self):
        """However long the queue is."""
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
        """Those who wait for a place in all are one queue, in which only the first is watching."""
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

    def test_one_that_leaves(self):
        """One that leaves while it waits gives its turn to the next."""
        second, third = self.request(), self.request()
        second.cancel()
        self.failureResultOf(second, SessionEnded)
        self.first.end()
        self.successResultOf(third)

    def test_one_that_leaves_the_queue(self):
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

    def test_alive(self):
        """One that answers stays, and needs nothing installed for it, nor a mind."""
        with self.assertRaises(pb.RemoteError) as caught:
            self.second.login("alice", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.TooManyConnections")
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_dead(self):
        (old,) = self.realm.sessions()
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(2)
        self.assertIs(old.ended, Reason.NO_ANSWER)
        self.held = self.successResultOf(login)
        self.assertFalse(self.first.connected)

    def test_leaves_while_asked(self):
        """One whose connection is lost while it's asked makes room at once."""
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        self.first.drop()
        self.server.flush()
        self.held = self.successResultOf(login)

    def test_logs_out_while_asked(self):
        """One that has left by the time of its answer has made room."""
        self.first.cut_off()
        login = self.second.start_login("alice", "secret")
        self.server.flush()
        del self.held
        self.first.restore()
        self.server.flush()
        self.held = self.successResultOf(login)

    def test_one_place_one_kick(self):
        """Two newcomers ask one after another, and only one gets the place."""
        self.first.cut_off()
        logins = [c.start_login("alice", "secret") for c in (self.second, self.third)]
        self.server.flush()
        self.server.advance(2)
        self.held = self.successResultOf(logins[0])
        self.failureResultOf(logins[1]).trap("pbrealm.errors.TooManyConnections")
        self.assertEqual(len(self.realm.sessions()), 1)


class AnonymousTests(WrappingMixin, SynchronousTestCase):
    def wrap(self, realm):
        return AnonymousRealm(realm, DisposableRealm(Aware), names=["demo"])

    def test_guests(self):
        realm = self.wrap(CachingRealm(Player))
        guests = [self.session(realm, name) for name in (ANONYMOUS, b"demo", ANONYMOUS)]
        self.assertEqual([g.avatar_id for g in guests], ["guest#1", "guest#2", "guest#3"])
        self.assertEqual([g.avatar.name for g in guests], ["guest#1", "guest#2", "guest#3"])
        self.assertEqual(type(self.session(realm).avatar), Player)

    def test_reserved_names(self):
        """An account can't pass for a guest."""
        realm = self.wrap(CachingRealm(Player))
        failure = self.failureResultOf(self.request(realm, "guest#1"), LoginRefused)
        self.assertEqual(str(failure.value), "the name guest#1 is reserved for guests (reason 4)")
        self.session(realm, "guest")

    def test_wrapped(self):
        """Realms around it see a guest under its own name, so that limits are for each."""
        realm = MindTrackingRealm(ConnectionLimitedRealm(self.wrap(CachingRealm(Player))))
        guests = [self.session(realm, ANONYMOUS) for _ in range(2)]
        self.assertEqual(realm.sessions("guest#2"), (guests[1],))

    def test_names_is_no_string(self):
        with self.assertRaises(TypeError):
            AnonymousRealm(CachingRealm(Player), DisposableRealm(Player), names="demo")


class TrackingTests(WrappingMixin, SynchronousTestCase):
    def wrap(self, realm):
        return MindTrackingRealm(realm, timeout=5)

    def test_sessions(self):
        realm = self.wrap(CachingRealm(Player))
        a, b, c = (self.session(realm, name) for name in ("alice", "bob", "alice"))
        self.assertEqual(realm.sessions(), (a, b, c))
        self.assertEqual(realm.sessions("alice"), (a, c))
        self.assertEqual(realm.sessions("nobody"), ())
        a.end()
        self.assertEqual(realm.sessions(), (b, c))
        self.assertEqual(realm.sessions("alice"), (c,))
        c.end()
        self.assertEqual(realm.sessions("alice"), ())

    def test_presence(self):
        """Subscribers hear of each that comes and goes, and which is the first and the last."""
        realm = self.wrap(CachingRealm(Player, clock=self.clock))
        events = []
        stop = realm.subscribe(events.append)
        a = self.session(realm)
        b = self.session(realm)
        a.end()
        b.end(Reason.SHUTTING_DOWN)
        self.assertEqual(
            events,
            [
                Arrival(a, first=True),
                Arrival(b, first=False),
                Departure(a, Reason.KICKED, last=False),
                Departure(b, Reason.SHUTTING_DOWN, last=True),
            ],
        )
        stop()
        stop()
        self.session(realm)
        self.assertEqual(len(events), 4)

    def test_presence_is_told_when_it_is_so(self):
        """What a subscriber asks, it's answered as of after the event; its failures are logged."""
        realm = self.wrap(CachingRealm(Player))
        seen = []
        realm.subscribe(lambda event: 1 / 0)
        realm.subscribe(lambda event: seen.append(len(realm.sessions("alice"))))
        self.session(realm).end()
        self.assertEqual(seen, [1, 0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_kicked_at_arrival(self):
        """A login whose session ends as it arrives has failed."""
        realm = self.wrap(CachingRealm(Player))
        realm.subscribe(lambda event: isinstance(event, Arrival) and event.session.end())
        self.failureResultOf(self.request(realm), SessionEnded)

    def test_present(self):
        """Who is here, since when without interruption, in the order of arrival."""
        realm = self.wrap(CachingRealm(Player, clock=self.clock))
        alice = self.session(realm)
        self.clock.advance(60)
        bob = self.session(realm, "bob")
        self.clock.advance(60)
        again = self.session(realm)
        alice.end()
        self.assertEqual(
            [(p.avatar_id, p.since.timestamp(), p.sessions) for p in realm.present()],
            [("alice", 0, (again,)), ("bob", 60, (bob,))],
        )
        again.end()
        back = self.session(realm)
        self.assertEqual(
            [(p.avatar_id, p.since.timestamp(), p.sessions) for p in realm.present()],
            [("bob", 60, (bob,)), ("alice", 120, (back,))],
        )

    def serve(self, minds, make_factory=None):
        self.realm = self.wrap(CachingRealm(Player, clock=Clock()))
        passwords = {"alice": "secret", "bob": "secret"}
        factory = make_factory and make_factory(make_portal(self.realm, passwords))
        self.server = MemoryServer(self.realm, factory=factory)
        self.clients = [self.server.connect() for _ in minds]
        self.held = [
            client.login("alice", "secret", mind)
            for client, mind in zip(self.clients, minds, strict=True)
        ]

    def test_notify(self):
        one, two = RecordingMind("one"), RecordingMind("two")
        self.serve([one, two])
        bob = RecordingMind()
        self.held_too = self.server.connect().login("bob", "secret", bob)
        report = self.realm.notify("alice", "news", 1)
        self.server.flush()
        answers = self.successResultOf(report).answered
        self.assertEqual([answers[s] for s in self.realm.sessions("alice")], ["one", "two"])
        self.assertEqual(bob.calls, [])

    def test_notify_nobody(self):
        report = self.successResultOf(self.wrap(CachingRealm(Player)).notify("alice", "news"))
        self.assertEqual((len(report.answered), len(report.failed), report.gone), (0, 0, []))

    def test_broadcast(self):
        """Whatever the clients do, all are told, and the report says what came of it."""
        for make_factory in (None, pb.PBServerFactory):
            vanishing = VanishingMind()
            minds = [RecordingMind("fine"), FailingMind(), StallingMind(), vanishing]
            self.serve([*minds, *([None] if make_factory is None else [])], make_factory)
            vanishing.client = self.clients[3]
            sessions = self.realm.sessions()
            broadcast = self.realm.broadcast("news", {"n": 1}, loud=True)
            self.server.flush()
            self.assertNoResult(broadcast)
            self.server.advance(5)
            report = self.successResultOf(broadcast)
            self.assertEqual(
                {s: report.answered[s] for s in report.answered}, {sessions[0]: "fine"}
            )
            mindless = list(sessions[4:])
            self.assertEqual(set(report.failed), {*sessions[1:3], *mindless})
            self.assertEqual(report.failed[sessions[1]].value, "news fails")
            report.failed[sessions[2]].trap(NotifyTimeout)
            for session in mindless:
                report.failed[session].trap(NoMind)
            self.assertEqual(report.gone, [sessions[3]])
            self.assertEqual([len(mind.calls) for mind in minds], [1, 1, 1, 1])
            self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_answers(self):
        mind = RecordingMind("fine")
        self.serve([mind])
        report = self.successResultOf(self.realm.broadcast("news", pbanswer=False))
        self.assertEqual(list(report.answered.values()), [None])
        self.server.flush()
        self.assertEqual(mind.calls, [("news", ())])

    def test_cancel(self):
        """Cancelled, it stops waiting, and says who hadn't answered."""
        self.serve([StallingMind(), RecordingMind("fine")])
        broadcast = self.realm.broadcast("news")
        self.server.flush()
        broadcast.cancel()
        report = self.successResultOf(broadcast)
        self.assertEqual((len(report.answered), len(report.failed)), (1, 1))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_what_cannot_be_sent(self):
        """An argument that can't be sent is each client's failure; nothing is raised."""
        self.serve([RecordingMind(), RecordingMind()])
        report = self.successResultOf(self.realm.broadcast("news", 2**500))
        self.assertEqual(len(report.failed), 2)

    def test_a_keyword_called_method(self):
        mind = RecordingMind()
        self.serve([mind])
        self.realm.broadcast("news", method="post", avatar_id=1)
        self.realm.notify("alice", "news", method="post", avatar_id=1)
        self.server.flush()
        self.assertEqual(len(mind.calls), 2)
