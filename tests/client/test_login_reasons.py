"""
The service that stays logged in: why it comes back, and why it stops.
"""

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IClientAware,
    LoginRefused,
    MindTrackingRealm,
    NoMind,
    Reason,
    Refuse,
    ReplaceOldest,
    ServerFactory,
    WrappingRealm,
)
from pbrealm._session.goodbye import GOODBYE
from pbrealm.client import LoginService
from pbrealm.testing import RecordingMind
from tests.avatars import Player
from tests.client.cases import ALICE, LoginServiceTestCase

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


def checker(**passwords):
    made = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in passwords.items():
        made.addUser(name.encode(), password.encode())
    return made


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


class MindTests(LoginServiceTestCase):
    """
    What the server calls: the mind of the program, in each of the forms that it may have.
    """

    def setUp(self):
        self.serve()

    def kick(self):
        self.session.end(text="enough")
        self.server.flush()
        why = self.successResultOf(self.service.when_stopped())
        self.assertEqual(why.sentence, "enough")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_same_name_as_the_server(self):
        self.assertEqual(GOODBYE, "goodbye")

    def test_none(self):
        """The server is told that there is none, for any other call."""
        self.start()
        answer = self.session.notify("news", 1)
        self.server.flush()
        failure = self.failureResultOf(answer)
        self.assertEqual(failure.type, b"pbrealm.errors.NoMind")
        self.assertIn(str(NoMind("the client passed no mind")), str(failure.value))
        self.kick()

    def test_remote_methods(self):
        class Mind(pb.Referenceable):
            heard: list[Any] = []

            def remote_news(self, *args):
                self.heard.append(args)
                return "thanks"

        self.start(mind=Mind())
        self.assertEqual(self.result(self.session.notify("news", 1)), "thanks")
        self.assertEqual(Mind.heard, [(1,)])
        # It has no remote_goodbye, which would be logged.
        self.kick()

    def test_goodbye_of_its_own(self):
        class Mind(pb.Referenceable):
            heard: list[Any] = []

            def remote_goodbye(self, code, text, reconnect):
                self.heard.append((code, text, reconnect))

        self.start(mind=Mind())
        self.kick()
        self.assertEqual(Mind.heard, [(5, "enough", False)])

    def test_failing_goodbye(self):
        class Mind(pb.Referenceable):
            def remote_goodbye(self, *args):
                raise ZeroDivisionError

        self.start(mind=Mind())
        self.session.end()
        self.server.flush()
        self.assertIs(self.successResultOf(self.service.when_stopped()).reason, Reason.KICKED)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_own_dispatch(self):
        """A mind may take all calls by a remoteMessageReceived of its own."""
        mind = RecordingMind("thanks")
        self.start(mind=mind)
        self.assertEqual(self.result(self.session.notify("news", 1)), "thanks")
        self.kick()
        self.assertEqual(mind.calls, [("news", (1,)), ("goodbye", (5, "enough", False))])

    def test_own_dispatch_with_a_reference_among_the_arguments(self):
        """What only has the name of a goodbye is a call like any other."""
        mind = RecordingMind("thanks")
        self.start(mind=mind)
        for args in ((), (1, 2, 3), ("5", "kicked", False), (5, "kicked", False, 1)):
            self.assertEqual(self.result(self.session.notify("goodbye", *args)), "thanks")
        self.assertEqual(self.result(self.session.notify("goodbye", Thing(), "", 1)), "thanks")
        self.assertEqual(len(mind.calls), 5)
        self.assertIsNotNone(self.service.perspective)

    def test_own_goodbye_of_another_object(self):
        """It's the mind's goodbye that counts."""
        other = RecordingMind("thanks")
        service = self.start()
        held = []
        Player.perspective_take = lambda self, it: held.append(it)  # type: ignore[attr-defined]
        self.addCleanup(delattr, Player, "perspective_take")
        self.result(service.call("take", other))
        called = held[0].callRemote("goodbye", 5, "kicked", False)
        self.assertEqual(self.result(called), "thanks")
        self.assertIsNotNone(service.perspective)

    def test_passed_back(self):
        """The server has a reference to the mind itself: passed back, it's the same object."""
        mind = RecordingMind()
        service = self.start(mind=mind)
        got = []

        def perspective_me(player, it):
            return [it is session.mind or it.luid == session.mind.luid, it]

        session = self.session
        Player.perspective_me = perspective_me  # type: ignore[attr-defined]
        self.addCleanup(delattr, Player, "perspective_me")
        same, back = self.result(service.call("me", mind))
        got.append(back)
        self.assertTrue(same)
        self.assertIs(back, mind)

    def test_called_before_the_login_is_answered(self):
        @implementer(IClientAware)
        class Greeting(Player):
            @inlineCallbacks
            def attached(self, session):
                self.answer = yield session.notify("hello")

            def detached(self, session, reason):
                pass

        self.serve(CachingRealm(Greeting))
        mind = RecordingMind("hi")
        self.start(mind=mind)
        self.assertEqual(self.session.avatar.answer, "hi")

    def test_other_name(self):
        """As the server's factory has it."""
        portal = Portal(self.realm, [checker(alice="secret")])
        self.server.restart(factory=ServerFactory(portal, goodbye="bye", clock=self.clock))
        self.start(goodbye="bye")
        self.kick()


class Thing(pb.Referenceable):
    pass


class ObserverTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_exceptions(self):
        """They are logged, and change nothing."""

        class Raising:
            def logged_in(self, perspective):
                raise ZeroDivisionError

            def lost(self, why):
                raise ZeroDivisionError

            def resumed(self):
                raise ZeroDivisionError

            def coming_back(self, seconds, why):
                raise KeyboardInterrupt

            def stopped(self, why):
                raise SystemExit

        service = self.start(observer=Raising())
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        self.endpoint.clients[0].drop()
        self.go(4)
        self.assertEqual(self.result(service.call("greet")), "<2>hello alice")
        self.result(service.stopService())
        logged = [failure.type for failure in self.flushLoggedErrors()]
        self.assertEqual(
            logged,
            [
                *(ZeroDivisionError, ZeroDivisionError, KeyboardInterrupt),
                *(ZeroDivisionError, ZeroDivisionError, SystemExit),
            ],
        )

    def test_asynchronous(self):
        """Nobody waits for it, and what it fails with is logged."""
        greetings = []

        async def logged_in(perspective):
            greetings.append(await perspective.callRemote("greet"))
            raise ZeroDivisionError

        service = self.make()
        self.observer.logged_in = logged_in  # type: ignore[assignment]
        service.startService()
        self.server.flush()
        self.assertEqual(greetings, ["<1>hello alice"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stops_the_service(self):
        """From each of its methods, and the service can be started again."""
        for when in ("logged_in", "lost", "coming_back", "stopped"):
            self.serve()
            service = self.make()
            stops: list[Any] = []

            def stop(*_: Any, service: Any = service, stops: Any = stops) -> None:
                stops.append(service.stopService())

            setattr(self.observer, when, stop)
            service.startService()
            self.server.flush()
            if self.endpoint.clients:
                self.endpoint.clients[0].drop()
            if when == "stopped":
                service.stopService()
            self.go(6)
            self.successResultOf(stops[0])
            self.successResultOf(service.when_stopped())
            self.assertEqual(self.realm.sessions(), ())
            delattr(self.observer, when)
            service.startService()
            self.assertEqual(self.result(service.call("greet"))[3:], "hello alice")
            self.result(service.stopService())

    def test_starts_the_service_when_it_has_stopped(self):
        """An observer may have a policy of its own."""
        service = self.make()
        again: list[Any] = []
        waits: list[Any] = []

        def stopped(why):
            again.append(why.reason)
            service.startService()
            # For the next time.
            waits.append(service.when_stopped())

        self.observer.stopped = stopped  # type: ignore[method-assign]
        service.startService()
        self.server.flush()
        self.session.end()
        self.server.flush()
        self.assertEqual(again, [Reason.KICKED])
        self.assertNoResult(waits[0])
        self.assertEqual(self.result(service.call("greet")), "<1>hello alice")
        del self.observer.stopped

    def test_perspective_is_there_when_it_is_told(self):
        service = self.make()
        greetings: list[Any] = []
        self.observer.logged_in = (  # type: ignore[method-assign]
            lambda perspective: greetings.append(service.call("greet"))
        )
        service.startService()
        self.assertEqual(self.result(service.when_logged_in()), service.perspective)
        self.assertEqual(self.result(greetings[0]), "<1>hello alice")

    def test_failure_of_the_connection_is_said(self):
        whys: list[Any] = []
        service = self.make()
        self.observer.coming_back = (  # type: ignore[method-assign]
            lambda seconds, why: whys.append(why)
        )
        self.server.kill()
        service.startService()
        self.server.flush()
        self.assertRegex(str(whys[0]), r"^no connection: ConnectionRefusedError: .*reason 2\)$")
        self.assertNotIsInstance(whys[0], Failure)


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
