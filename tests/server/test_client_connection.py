"""
What a client meets at the front door.
"""

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    IClientAware,
    Limits,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    reason_of,
)
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind, make_portal
from tests.avatars import Player, Slow
from tests.pitfalls.handwritten import CountingRealm


class VisitorTestCase(SynchronousTestCase):
    def serve(self, realm=None, **limits):
        self.realm = MindTrackingRealm(CachingRealm(Player)) if realm is None else realm
        self.server = MemoryServer(self.realm, limits=Limits(**limits))
        return self.server.connect()

    def refusal(self, login):
        self.server.flush()
        return self.failureResultOf(login)

    def challenge(self, client, name=b"alice"):
        root = client.wait(client.factory.getRootObject())
        return client.call(root, "login", name)


class DeadlineTests(VisitorTestCase):
    def test_silence(self):
        """A connection that never speaks is closed when its time is up."""
        client = self.serve(login_seconds=30)
        self.server.advance(29)
        self.assertTrue(client.connected)
        self.server.advance(1)
        self.assertFalse(client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_login_stops_it(self):
        client = self.serve(login_seconds=30, ping_interval=0)
        self.held = client.login("alice", "secret")
        self.server.advance(300)
        self.assertTrue(client.connected)

    def test_starts_anew_after_the_last_logout(self):
        client = self.serve(login_seconds=30, ping_interval=0)
        held = [client.login("alice", "secret") for _ in range(2)]
        for _ in range(2):
            self.server.advance(300)
            self.assertTrue(client.connected)
            held.pop()
            self.server.flush()
        self.server.advance(30)
        self.assertFalse(client.connected)

    def test_the_servers_own_time_does_not_count(self):
        """A login that the server takes long to decide on isn't cut off."""
        slow = Slow(Player)
        client = self.serve(MindTrackingRealm(CachingRealm(slow)), ping_interval=0)
        login = client.start_login("alice", "secret")
        self.server.advance(300)
        self.assertTrue(client.connected)
        slow.finish()
        self.held = client.wait(login)

    def test_trickle(self):
        """One that sends a byte at a time has no more time than another."""
        client = self.serve(login_seconds=30)
        for _ in range(30):
            client.broker.transport.write(b"\x01\x80"[:1])
            self.server.advance(1)
        self.assertFalse(client.connected)


class AttemptTests(VisitorTestCase):
    def test_attempts(self):
        """The third refusal is told, and then the connection closed."""
        client = self.serve(login_attempts=3, throttle_seconds=0)
        for _ in range(3):
            self.assertTrue(client.connected)
            with self.assertRaises(pb.RemoteError) as caught:
                client.login("alice", "wrong")
            self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.WrongCredentials")
        self.server.advance(0)
        self.assertFalse(client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_close_at_first_refusal(self):
        client = self.serve(login_attempts=1)
        with self.assertRaises(pb.RemoteError):
            client.login("alice", "wrong")
        self.server.flush()
        self.assertFalse(client.connected)

    def test_success_starts_the_count_anew(self):
        client = self.serve(login_attempts=2, throttle_seconds=0)
        for _ in range(3):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
            self.held = client.login("alice", "secret")
        self.assertTrue(client.connected)

    def test_member_is_not_closed(self):
        """A connection on which a login is alive isn't closed, but there are no more tries."""
        client = self.serve(login_attempts=2, throttle_seconds=0)
        self.held = client.login("alice", "secret")
        kinds = []
        for _ in range(4):
            failure = self.refusal(client.start_login("alice", "wrong"))
            kinds.append(failure.type)
        self.server.advance(10)
        self.assertTrue(client.connected)
        self.assertEqual(client.call(self.held, "greet"), "<1>hello alice")
        self.assertEqual(
            kinds,
            [b"pbrealm.errors.WrongCredentials"] * 2 + [b"pbrealm.errors.LoginRefused"] * 2,
        )

    def test_delay(self):
        """After a few wrong passwords the next attempts wait, the right one too."""
        client = self.serve(throttle_after_failures=2, throttle_seconds=1, login_attempts=9)
        for _ in range(2):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
        other = self.server.connect()
        login = other.start_login("alice", "secret")
        self.server.flush()
        self.assertNoResult(login)
        self.server.advance(1)
        self.held = self.successResultOf(login)

    def test_leaving_during_the_delay(self):
        client = self.serve(throttle_after_failures=1, login_attempts=9)
        with self.assertRaises(pb.RemoteError):
            client.login("alice", "wrong")
        login = client.start_login("alice", "secret")
        self.server.flush()
        client.drop()
        self.failureResultOf(login, pb.PBConnectionLost)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
        self.assertEqual(self.realm.sessions(), ())

    def test_unanswered_challenges(self):
        """Challenges that nobody answers don't pile up."""
        client = self.serve(logins=3, login_attempts=1)
        self.held = [self.challenge(client) for _ in range(3)]
        with self.assertRaises(pb.RemoteError):
            self.challenge(client)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_answered_challenges_are_none(self):
        client = self.serve(logins=2)
        self.held = client.login("alice", "secret")
        for _ in range(5):
            again = client.login("alice", "secret")
            del again
            self.server.flush()

    def test_dropped_challenges_are_given_back(self):
        client = self.serve(logins=3, login_attempts=1)
        root = client.wait(client.factory.getRootObject())
        for _ in range(9):
            client.call(root, "login", b"alice")
            self.server.flush()
        self.held = client.login("alice", "secret")

    def test_guest_logins_prove_nothing(self):
        """They don't start the count of refusals anew."""
        guests = AnonymousRealm(CachingRealm(Player), CachingRealm(Player))
        client = self.serve(MindTrackingRealm(guests), login_attempts=3, throttle_seconds=0)
        for _ in range(3):
            self.held = client.login()
            with self.assertRaises(pb.RemoteError):
                client.login("alice", "wrong")
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("alice", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.LoginRefused")

    def test_guests_wait_for_nobodys_failures(self):
        guests = AnonymousRealm(CachingRealm(Player), CachingRealm(Player))
        client = self.serve(MindTrackingRealm(guests), throttle_after_failures=1, login_attempts=9)
        for _ in range(2):
            self.refusal_after_waiting(client.start_login("", "wrong"))
        self.held = self.server.connect().login()

    def refusal_after_waiting(self, login):
        self.server.advance(20)
        return self.failureResultOf(login)

    def test_hand_written_around_ours(self):
        """A hand-written realm around one of ours is logged out from like any other."""
        inner = CachingRealm(Player)

        @implementer(IRealm)
        class Outer:
            here = 0

            def requestAvatar(self, avatarId, mind, *interfaces):
                self.here += 1
                return inner.requestAvatar(avatarId, mind, *interfaces).addCallback(self.got)

            def got(self, login):
                interface, aspect, logout = login

                def out():
                    self.here -= 1
                    logout()

                return interface, aspect, out

        outer = Outer()
        client = self.serve(outer, login_seconds=30, ping_interval=0)
        for mind in (RecordingMind(), None):
            client = self.server.connect()
            self.held = client.login("alice", "secret", mind)
            client.drop()
            self.assertEqual(outer.here, 0)

    def test_logout_that_fails(self):
        """It's logged, and costs the connection nothing."""

        @implementer(IRealm)
        class Failing(CountingRealm):
            def requestAvatar(self, avatarId, mind, *interfaces):
                interface, avatar, _ = super().requestAvatar(avatarId, mind, *interfaces).result
                return interface, avatar, lambda: 1 / 0

        client = self.serve(Failing())
        self.held = client.login("alice", "secret")
        del self.held
        self.server.flush()
        self.assertTrue(client.connected)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_logins_alive(self):
        client = self.serve(logins=2)
        self.held = [client.login("alice", "secret") for _ in range(2)]
        failure = self.refusal(client.start_login("alice", "secret"))
        failure.trap("pbrealm.errors.LoginRefused")
        self.held.pop()
        self.held.append(client.login("alice", "secret"))
        self.assertEqual(len(self.realm.sessions()), 2)

    def test_pending_logins_count(self):
        slow = Slow(Player)
        client = self.serve(MindTrackingRealm(CachingRealm(slow)), logins=2)
        logins = [client.start_login("alice", "secret") for _ in range(3)]
        self.server.flush()
        self.failureResultOf(logins[2]).trap("pbrealm.errors.LoginRefused")
        slow.finish()
        self.held = [client.wait(login) for login in logins[:2]]

    def test_hand_written_realm(self):
        """A hand-written realm is served with the same bounds, and logged out from once."""
        realm = CountingRealm(max=9)
        client = self.serve(realm, logins=2, login_seconds=30, ping_interval=0)
        self.held = [client.login("alice", "secret") for _ in range(2)]
        self.refusal(client.start_login("alice", "secret")).trap("pbrealm.errors.LoginRefused")
        (avatar,) = realm.avatars.values()
        self.held.pop()
        self.server.flush()
        self.assertEqual(avatar.connections, 1)
        self.held.pop()
        self.server.flush()
        self.assertEqual(avatar.connections, 0)
        self.server.advance(30)
        self.assertFalse(client.connected)
        self.assertEqual(avatar.connections, 0)


class StrangerTests(VisitorTestCase):
    """
    Bytes that are no login.
    """

    def send(self, client, data):
        client.broker.transport.write(data)
        self.server.flush()

    def test_nested_lists(self):
        client = self.serve()
        self.send(client, b"\x01\x80" * 17)
        self.assertFalse(client.connected)

    def test_members_may_nest_deeper(self):
        client = self.serve()
        self.held = client.login("alice", "secret")
        deep = []
        for _ in range(50):
            deep = [deep]
        self.patch(Player, "perspective_later", lambda player, nested: 1)
        self.assertEqual(client.call(self.held, "later", deep), 1)

    def test_strangers_again(self):
        """After its last logout a client is held to a stranger's bounds."""
        client = self.serve()
        held = [client.login("alice", "secret")]
        held.clear()
        self.server.flush()
        self.send(client, b"\x01\x80" * 17)
        self.assertFalse(client.connected)

    def test_large_messages(self):
        client = self.serve(unauthenticated_message_bytes=1000)
        root = client.wait(client.factory.getRootObject())
        root.callRemote("login", b"x" * 1000).addErrback(lambda _: None)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_bytes_in_all(self):
        """Small messages without end are too much as well."""
        client = self.serve(unauthenticated_bytes=5000)
        root = client.wait(client.factory.getRootObject())
        for _ in range(100):
            if client.connected:
                root.callRemote("nothing", b"x" * 80).addErrback(lambda _: None)
                self.server.flush()
        self.assertFalse(client.connected)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answers_count(self):
        """Short messages are no way to have the server keep many long answers."""
        client = self.serve()
        call = banana.encode([b"message", 1, b"", b"", 1, [b"tuple"], [b"dictionary"]])
        for _ in range(1000):
            if client.connected:
                client.server_broker.dataReceived(call)
                kept = sum(map(len, client.server_broker.transport.stream))
                self.server.clock.advance(0)
        self.assertFalse(client.connected)
        self.assertLess(kept, 2 * 64 * 1024)

    def test_small_message_that_comes_to_much(self):
        """To hash what these 2 KB refer to takes 2 ** 40 steps."""
        parts = [[b"reference", 0, [b"tuple", 1, 2]]]
        for number in range(1, 40):
            below = [b"dereference", number - 1]
            parts.append([b"reference", number, [b"tuple", below, below]])
        args = [b"tuple", *parts, [b"set", [b"dereference", 39]]]
        client = self.serve()
        client.server_broker.dataReceived(
            banana.encode([b"message", 1, b"root", b"login", 1, args, [b"dictionary"]])
        )
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_odd_ids(self):
        """Ids of no object, or that can't be ids, are answered, and not logged."""
        for command, target in (
            (b"message", 99),
            (b"message", b"nobody"),
            (b"message", [b"root"]),
            (b"cachemessage", 7),
            (b"cachemessage", [7]),
        ):
            client = self.serve()
            answers = []
            self.patch(client.broker, "proto_error", lambda *answer, to=answers: to.append(answer))
            self.send(client, banana.encode([command, 1, target, b"x", 1, [b"tuple"], [b"tuple"]]))
            self.assertEqual(len(answers), 1, (command, target))
            self.assertTrue(client.connected)
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_long_names(self):
        """Names are remembered and logged, so they can't be of any length."""
        client = self.serve()
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("a" * 1025, "secret")
        self.assertEqual(str(caught.exception), "the name is longer than 1024 bytes (reason 4)")

    def test_what_is_no_message(self):
        for data in (
            b"\xff",
            b"GET / HTTP/1.1\r\n\r\n" * 9,
            banana.encode([]),
            banana.encode([b"answer", 1, 2]),
            banana.encode([b"decref", b"root"]),
            banana.encode([b"message"]),
            banana.encode([17, 18]),
            banana.encode([b"version", 99]),
            banana.encode(b"not a list"),
        ):
            client = self.serve()
            self.send(client, data)
            self.assertFalse(client.connected, data)
            self.assertEqual(self.flushLoggedErrors(), [])

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


class Counter(pb.Referenceable):
    def __init__(self):
        self.count = 0

    def remote_count(self):
        self.count += 1
        return self.count


class RevocationTests(VisitorTestCase):
    """
    What a client has got from its avatar is its own as long as a login of its is alive.
    """

    def setUp(self):
        self.client = self.serve()
        self.counter = Counter()
        self.patch(Player, "perspective_books", lambda player: self.counter)
        self.mind = StallingMind()
        self.reference = self.client.login("alice", "secret", self.mind)
        self.held = self.client.call(self.reference, "books")
        self.assertEqual(self.client.call(self.held, "count"), 1)

    def refused(self):
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.call(self.held, "count")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.SessionEnded")
        self.assertEqual(self.counter.count, 1)
        return reason_of(caught.exception)

    def test_kicked(self):
        """While the goodbye is on its way, there's nothing left to call."""
        (session,) = self.realm.sessions()
        session.end(Reason.KICKED)
        self.assertIs(self.refused(), Reason.KICKED)

    def test_logged_out(self):
        """A client that has let go of its avatar, but not of this, is used to going on with it."""
        del self.reference
        self.server.flush()
        self.assertEqual(self.client.call(self.held, "count"), 2)

    def test_another_login_is_alive(self):
        """The connection has one set of references, whichever login they came by."""
        other = self.client.login("bob", "secret")
        del self.reference
        self.server.flush()
        self.assertEqual(self.client.call(self.held, "count"), 2)
        del other

    def test_during_the_login(self):
        """What an avatar passes while it attaches can be called before the login is answered."""
        counter = self.counter

        @implementer(IClientAware)
        class Introducing(Player):
            async def attached(self, session):
                await session.notify("meet", counter)

            def detached(self, session, reason):
                pass

        client = self.serve(MindTrackingRealm(CachingRealm(Introducing)))

        class Curious(pb.Referenceable):
            def remote_meet(self, counter):
                return counter.callRemote("count")

        self.held = client.login("alice", "secret", Curious())
        self.assertEqual(counter.count, 2)


class MemberTests(VisitorTestCase):
    """
    What a client with a login can do.
    """

    def test_leaving_before_an_answer_that_is_an_object(self):
        """An answer that can't be sent any more is nobody's error."""
        client = self.serve()
        self.held = client.login("alice", "secret")
        for answer in (pb.Referenceable(), 5, pb.Error("too late")):
            client = self.serve()
            self.held = client.login("alice", "secret")
            self.held.callRemote("later").addErrback(lambda _: None)
            self.server.flush()
            client.drop()
            later = self.realm.realm.avatars["alice"].answer
            (later.errback if isinstance(answer, Exception) else later.callback)(answer)
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_signs_of_life_that_never_come(self):
        """A client that says something, but never answers, leaves no questions behind."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = client.login("alice", "secret")
        self.patch(client.broker, "proto_message", lambda *_: None)
        for _ in range(10):
            self.server.advance(20)
            client.broker.sendCall(b"version", 6)
            self.server.advance(10)
        self.assertTrue(client.connected)
        self.assertLessEqual(len(client.server_broker.waitingForAnswers), 1)


class TooManyTests(VisitorTestCase):
    def test_told(self):
        """One connection too many is told so at its login, and closed."""
        client = self.serve(connections=1)
        late = self.server.connect()
        failure = self.refusal(late.start_login("alice", "secret"))
        failure.trap("pbrealm.errors.TooManyConnections")
        self.server.flush()
        self.assertFalse(late.connected)
        client.drop()
        self.held = self.server.connect().login("alice", "secret")

    def test_stay_out(self):
        self.serve(connections=1)
        factory = self.server.factory
        address = IPv4Address("TCP", "127.0.0.1", 1)
        made = [factory.buildProtocol(address) for _ in range(20)]
        self.assertIsNone(made[-1])


class DeadTests(VisitorTestCase):
    def test_found_dead(self):
        """A client that is cut off is found, with a mind or without, and its sessions end."""
        client = self.serve(ping_interval=20, ping_timeout=10)
        self.held = [
            client.login("alice", "secret", RecordingMind()),
            client.login("bob", "secret"),
        ]
        sessions = self.realm.sessions()
        client.cut_off()
        self.server.advance(20)
        self.server.advance(10)
        self.server.advance(0)
        self.assertEqual([session.ended for session in sessions], [Reason.NO_ANSWER] * 2)
        self.assertFalse(client.connected)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_alive(self):
        """A plain client answers by itself, logged in or not, and for as long as it's there."""
        client = self.serve(ping_interval=20, ping_timeout=10, login_seconds=0)
        for _ in range(100):
            self.server.advance(7)
        self.assertTrue(client.connected)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_stranger(self):
        client = self.serve(ping_interval=20, ping_timeout=10, login_seconds=0)
        client.cut_off()
        for seconds in (20, 10, 0, 0):
            self.server.advance(seconds)
        self.assertFalse(client.connected)

    def test_off(self):
        client = self.serve(ping_interval=0)
        self.held = client.login("alice", "secret")
        client.cut_off()
        self.server.advance(10000)
        self.assertTrue(client.connected)


@implementer(ICredentialsChecker)
class Undecided:
    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self):
        self.answer = Deferred()

    def requestAvatarId(self, credentials):
        return self.answer


class RefusalTests(VisitorTestCase):
    def test_checker_that_denies(self):
        """What a checker refuses with becomes an error that crosses the wire as one line."""
        checker = Undecided()
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
