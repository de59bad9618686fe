"""
One connection: the login timeout, what is revoked with a login, and what is left at its end.
"""

from twisted.cred.portal import IRealm
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import CachingRealm, IClientAware, MindTrackingRealm, Reason, reason_of
from pbrealm.testing import RecordingMind, StallingMind
from tests.avatars import Player, Slow
from tests.pitfalls.handwritten import CountingRealm
from tests.server.cases import ServerTestCase


class LoginTimeoutTests(ServerTestCase):
    def test_closed_without_a_login(self):
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

    def test_restarts_after_the_last_logout(self):
        client = self.serve(login_seconds=30, ping_interval=0)
        held = [client.login("alice", "secret") for _ in range(2)]
        for _ in range(2):
            self.server.advance(300)
            self.assertTrue(client.connected)
            held.pop()
            self.server.flush()
        self.server.advance(30)
        self.assertFalse(client.connected)

    def test_paused_while_the_server_decides(self):
        """A login that the server takes long to decide on isn't cut off."""
        slow = Slow(Player)
        client = self.serve(MindTrackingRealm(CachingRealm(slow)), ping_interval=0)
        login = client.start_login("alice", "secret")
        self.server.advance(300)
        self.assertTrue(client.connected)
        slow.finish()
        self.held = client.wait(login)

    def test_bytes_do_not_extend_it(self):
        """One that sends a byte at a time has no more time than another."""
        client = self.serve(login_seconds=30)
        for _ in range(30):
            client.broker.transport.write(b"\x01\x80"[:1])
            self.server.advance(1)
        self.assertFalse(client.connected)


class RequestIdTests(ServerTestCase):
    """
    The server keeps the id of a call until it is answered.
    """

    def test_other_than_a_number(self):
        """An id of any size isn't kept: the connection is closed."""
        for request_id in ([b"list", b"x" * 1000], b"x" * 1000, 1.5):
            client = self.serve()
            perspective = client.login("alice", "secret")
            jelly = [[b"tuple"], [b"dictionary"]]
            client.broker.sendCall(b"message", request_id, perspective.luid, b"name", 1, *jelly)
            self.server.flush()
            self.assertFalse(client.connected)


class Counter(pb.Referenceable):
    def __init__(self):
        self.count = 0

    def remote_count(self):
        self.count += 1
        return self.count


class RevocationTests(ServerTestCase):
    """
    What a client has got from its avatar is its own as long as a login of its is alive.
    """

    def setUp(self):
        self.client = self.serve()
        self.counter = Counter()
        self.patch(Player, "perspective_object", lambda player: self.counter)
        self.mind = StallingMind()
        self.reference = self.client.login("alice", "secret", self.mind)
        self.held = self.client.call(self.reference, "object")
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


class LeavingTests(ServerTestCase):
    def test_leaving_before_an_answer_that_is_an_object(self):
        """An answer that can't be sent any more is nobody's error."""
        for answer in (pb.Referenceable(), 5, pb.Error("too late")):
            caching = CachingRealm(Player)
            client = self.serve(MindTrackingRealm(caching))
            self.held = client.login("alice", "secret")
            self.held.callRemote("later").addErrback(lambda _: None)
            self.server.flush()
            client.drop()
            later = caching.avatars["alice"].answer
            if isinstance(answer, Exception):
                later.errback(answer)
            else:
                later.callback(answer)
            self.assertEqual(self.flushLoggedErrors(), [])


class LogoutTests(ServerTestCase):
    """
    Logouts of realms that aren't pbrealm's.
    """

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
