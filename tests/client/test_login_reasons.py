"""
Why a service comes back, or stays away.
"""

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    Refuse,
    ReplaceOldest,
    WrappingRealm,
)
from pbrealm.client import LoginService
from tests.avatars import Player
from tests.client.cases import ALICE, LoginServiceTestCase, checker

LOGGED_IN = ("logged in",)


class ComesBackTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_goodbyes_to_come_back_after(self):
        for reason in (Reason.TOO_SLOW, Reason.SHUTTING_DOWN, Reason.BUSY):
            service = self.start()
            self.session.end(reason)
            self.server.flush()
            self.assertEqual(
                self.observer.take(), [LOGGED_IN, ("lost", reason), ("coming back", reason)]
            )
            self.go(4)
            self.assertEqual(self.observer.take(), [LOGGED_IN])
            self.result(service.stopService())

    def test_server_that_shuts_down(self):
        """It is told at once, and comes back to the next server."""
        self.start()
        factory: Any = self.server.factory
        closed = factory.close()
        self.server.flush()
        self.successResultOf(closed)
        self.assertEqual(
            self.observer.take(),
            [LOGGED_IN, ("lost", Reason.SHUTTING_DOWN), ("coming back", Reason.SHUTTING_DOWN)],
        )
        # Those that come meanwhile are disconnected before they log in.
        self.go(4)
        self.assertEqual(self.observer.take(), [("coming back", Reason.DISCONNECTED)])
        self.realm = MindTrackingRealm(CachingRealm(Player))
        self.server.restart(self.realm)
        self.go(8)
        self.assertEqual(self.observer.take(), [LOGGED_IN])

    def test_connection_lost(self):
        self.start()
        self.endpoint.clients[0].drop()
        self.go(4)
        self.assertEqual(
            self.observer.take(),
            [
                LOGGED_IN,
                ("lost", Reason.DISCONNECTED),
                ("coming back", Reason.DISCONNECTED),
                LOGGED_IN,
            ],
        )

    def test_connection_refused(self):
        self.server.kill()
        self.start()
        self.assertEqual(self.observer.take(), [("coming back", Reason.DISCONNECTED)])
        self.server.restart()
        self.go(4)
        self.assertEqual(self.observer.take(), [LOGGED_IN])

    def test_connection_lost_at_each_step_of_the_login(self):
        """However many bytes have been delivered."""
        for rounds in range(1, 30):
            service = self.make()
            service.startService()
            self.clock.advance(0)
            client = self.endpoint.clients[-1]
            for _ in range(rounds):
                client.pump()
            done = service.perspective is not None
            client.drop()
            self.server.flush()
            expected: list[Any] = [("coming back", Reason.DISCONNECTED)]
            if done:
                expected = [LOGGED_IN, ("lost", Reason.DISCONNECTED), *expected]
            self.assertEqual(self.observer.take(), expected)
            self.go(4)
            self.assertEqual(self.observer.take(), [LOGGED_IN])
            self.result(service.stopService())
            if done:
                break
        self.assertGreater(rounds, 3)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_full_server(self):
        """Of connections, or of sessions in all: it comes back until there is room."""
        realm = ConnectionLimitedRealm(CachingRealm(Player), total=1)
        for limits in ({"realm": realm}, {"connections": 1}):
            self.serve(**limits)
            other = self.server.connect()
            self.held = other.login("alice", "secret")
            service = self.start()
            self.go(4)
            self.assertEqual(self.observer.take(), [("coming back", Reason.DISCONNECTED)] * 2)
            other.drop()
            self.go(8)
            self.assertEqual(self.observer.take(), [LOGGED_IN])
            self.result(service.stopService())

    def test_refused_for_now(self):
        """A reason to come back that is in an error, as when there is another login."""

        class Busy(WrappingRealm):
            busy = True

            async def admit(self, session, interfaces):
                if self.busy:
                    raise LoginRefused("not now", Reason.BUSY)
                return await super().admit(session, interfaces)

        realm = Busy(CachingRealm(Player))
        self.serve(realm)
        # Under a plain factory the client gets the error.
        self.server.restart(
            factory=pb.PBServerFactory(Portal(self.realm, [checker(alice="secret")]))
        )
        self.start()
        self.assertEqual(self.observer.take(), [("coming back", Reason.BUSY)])
        realm.busy = False
        self.go(4)
        self.assertEqual(self.observer.take(), [LOGGED_IN])

    def test_delays_grow_until_a_login_lasts(self):
        """A login that lasts for a minute has them begin anew, and no shorter one."""
        self.start()
        for _ in range(5):
            self.endpoint.clients[-1].drop()
            self.go(61)
        # Each login lasted for a minute less its delay.
        for delay, longest in zip(self.observer.delays, (4, 8, 16, 32, 60), strict=True):
            self.assertTrue(longest / 4 <= delay <= longest, self.observer.delays)
        self.go(120)
        self.endpoint.clients[-1].drop()
        self.assertLessEqual(self.observer.delays[-1], 4)

    def test_no_delay_is_left_out(self):
        """Also the first attempt after a loss waits."""
        self.start()
        self.endpoint.clients[0].drop()
        self.server.advance(0.99)
        self.assertEqual(len(self.endpoint.clients), 1)


class StaysAwayTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def assert_stopped(self, service: LoginService, reason: Reason, sentence: str) -> None:
        why = self.successResultOf(service.when_stopped())
        self.assertEqual((why.reason, why.sentence), (reason, sentence))
        self.assertEqual(self.observer.events[-1], ("stopped", reason))
        self.assertFalse(service.running)
        connections = len(self.endpoint.clients)
        self.go(200)
        self.assertEqual(len(self.endpoint.clients), connections)
        self.assertEqual(self.observer.events.count(("stopped", reason)), 1)

    def test_kicked(self):
        service = self.start()
        self.session.end()
        self.server.flush()
        self.assert_stopped(service, Reason.KICKED, "kicked")
        self.assertEqual(self.observer.events[1], ("lost", Reason.KICKED))

    def test_kicked_with_a_text(self):
        service = self.start()
        self.session.end(text="we close at ten\r\n\x1b[2J")
        self.server.flush()
        self.assert_stopped(service, Reason.KICKED, "we close at ten\\r\\n\\x1b[2J")

    def test_replaced(self):
        realm = ConnectionLimitedRealm(CachingRealm(Player), on_full=ReplaceOldest())
        self.serve(realm)
        service = self.start()
        self.held = self.server.connect().login("alice", "secret")
        self.assert_stopped(service, Reason.REPLACED, "replaced")

    def test_refused(self):
        self.serve(ConnectionLimitedRealm(CachingRealm(Player), on_full=Refuse()))
        self.held = self.server.connect().login("alice", "secret")
        service = self.start()
        why = self.successResultOf(service.when_stopped())
        self.assertRegex(why.sentence, "^alice is logged in already, from 127.0.0.1.* UTC$")
        self.assert_stopped(service, Reason.REFUSED, why.sentence)

    def test_wrong_password(self):
        service = self.start(credentials=UsernamePassword(b"alice", b"guess"))
        self.assert_stopped(service, Reason.REFUSED, "the name or the password is wrong")
        self.assertEqual(self.observer.events, [("stopped", Reason.REFUSED)])

    def test_start_again(self):
        """After it has stopped by itself, too."""
        service = self.start()
        self.session.end()
        self.server.flush()
        self.successResultOf(service.stopService())
        service.startService()
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        self.session.end()
        self.server.flush()
        self.assertEqual(self.observer.events.count(("stopped", Reason.KICKED)), 2)

    def test_stopped_while_the_server_closes(self):
        """The reason is still that of the server, and told once."""
        service = self.start(mind=Stalling())
        self.session.end()
        self.endpoint.clients[0].pump()
        self.assertEqual(self.observer.events[-1], ("lost", Reason.KICKED))
        stopped = service.stopService()
        self.assertNoResult(stopped)
        self.server.advance(2)
        self.successResultOf(stopped)
        self.assert_stopped(service, Reason.KICKED, "kicked")

    def test_calls_under_way_when_kicked(self):
        """They are answered as long as the connection is open."""
        service = self.start()
        thinking = service.call("later")
        self.server.flush()
        avatar = self.session.avatar
        self.session.end()
        avatar.answer.callback("done")
        self.endpoint.clients[0].pump()
        self.assertIsNone(service.perspective)
        self.failureResultOf(service.call("greet"))
        self.assertEqual(self.result(thinking), "done")

    def test_server_that_leaves_the_connection_open(self):
        """Nobody waits for it longer than 5 seconds."""
        service = self.start(mind=Stalling())
        client = self.endpoint.clients[0]
        self.session.end()
        client.pump()
        client.cut_off()
        self.go(4)
        self.assertFalse(client.broker.disconnected)
        self.go(2)
        self.assertTrue(client.broker.disconnected)
        self.assert_stopped(service, Reason.KICKED, "kicked")


class Stalling(pb.Referenceable):
    """A mind that doesn't answer the goodbye."""

    def remote_goodbye(self, *_):
        self.answer: Deferred[Any] = Deferred()
        return self.answer


class PlainServerTests(LoginServiceTestCase):
    """
    Servers of plain Perspective Broker, with realms written by hand.
    """

    def serve_plain(self, realm: Any) -> None:
        self.serve()
        portal = Portal(realm, [checker(alice="secret")])
        self.server.restart(factory=pb.PBServerFactory(portal))

    def test_wrong_password(self):
        self.serve_plain(MindTrackingRealm(DisposableRealm(Player)))
        service = self.start(credentials=UsernamePassword(b"alice", b"guess"))
        why = self.successResultOf(service.when_stopped())
        self.assertIs(why.reason, Reason.REFUSED)
        self.assertEqual(why.sentence, "twisted.cred.error.UnauthorizedLogin")
        self.flushLoggedErrors()

    def test_any_error_is_final(self):
        class Failing:
            def requestAvatar(self, avatarId, mind, *interfaces):
                raise ValueError("you are logged in already")

        self.serve_plain(Failing())
        service = self.start()
        why = self.successResultOf(service.when_stopped())
        self.assertEqual(str(why), "you are logged in already (reason 4)")
        self.flushLoggedErrors()

    def test_comes_back(self):
        class ByHand:
            minds: list[Any] = []
            left = 0

            def requestAvatar(self, avatarId, mind, *interfaces):
                self.minds.append(mind)
                return pb.IPerspective, Player("alice"), self.leave

            def leave(self):
                self.left += 1

        realm = ByHand()
        self.serve_plain(realm)
        service = self.start()
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        self.server.kill()
        self.server.restart(factory=self.server.factory)
        self.go(4)
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        for goodbye in ((5, "kicked", False), (99, "gone fishing", False)):
            called = realm.minds[-1].callRemote("goodbye", *goodbye)
            self.server.flush()
            self.successResultOf(called)
            self.go(6)
            why = self.successResultOf(service.when_stopped())
            self.assertEqual((why.reason, why.sentence), (Reason.KICKED, goodbye[1]))
            service.startService()
            self.server.flush()
        # From a version that knows more reasons.
        realm.minds[-1].callRemote("goodbye", 98, "moved", True)
        self.server.flush()
        self.go(10)
        self.assertEqual(
            self.observer.events[-3:],
            [("lost", Reason.DISCONNECTED), ("coming back", Reason.DISCONNECTED), LOGGED_IN],
        )

    def test_found_dead(self):
        """It answers pings by itself, and logs nothing; and is found dead when it doesn't."""
        self.serve_plain(MindTrackingRealm(DisposableRealm(Player)))
        self.start()
        self.go(1000)
        self.assertEqual(self.observer.take(), [LOGGED_IN])
        self.assertEqual(self.flushLoggedErrors(), [])
        self.endpoint.cut_off()
        self.go(41)
        self.assertEqual(
            self.observer.take(), [("lost", Reason.NO_ANSWER), ("coming back", Reason.NO_ANSWER)]
        )


class TwoClientsOfAnAccountTests(LoginServiceTestCase):
    def test_replacing(self):
        """The one that was replaced stays away, so they don't replace each other for ever."""
        self.serve(ConnectionLimitedRealm(CachingRealm(Player), on_full=ReplaceOldest()))
        first = self.start()
        second = LoginService(self.endpoint, ALICE, reactor=self.clock)
        second.startService()
        self.server.flush()
        self.assertIsNone(first.perspective)
        self.go(100)
        self.assertIsNotNone(second.perspective)
        self.assertEqual(len(self.endpoint.clients), 2)
        self.result(second.stopService())
