"""
Closing realms: all that they have made is retired, and no more is made.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.spread import pb
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IClosableRealm,
    JournalRealm,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    RoutingRealm,
    SharedStateRealm,
    WrappingRealm,
)
from pbrealm.realms import close
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player, Slow, SlowToAttach
from tests.logs import log_entries
from tests.realms.cases import HandWrittenRealm
from tests.realms.mortals import RetireTestCase


@implementer(IRealm)
class Between:
    """A hand-written realm, which passes on nothing but logins."""

    def __init__(self, inner: Any, *, before: Deferred[Any] | None = None) -> None:
        self.inner = inner
        self.before = before

    def requestAvatar(self, *request: Any) -> Any:
        if self.before is None:
            return self.inner.requestAvatar(*request)
        return self.before.addCallback(lambda _: self.inner.requestAvatar(*request))


class CloseTestCase(RetireTestCase):
    def close(self, patience: float = 10) -> Deferred[None]:
        factory: Any = self.server.factory
        closed: Deferred[None] = factory.close(patience)
        self.server.flush()
        return closed

    def retire_all(self) -> None:
        for each in self.made:
            each.retiring.callback(None)
        self.server.flush()

    def assert_closes(self, realm: Any, *names: str) -> None:
        """All that was made retires when the server closes, side by side, and is waited for."""
        self.made.clear()
        self.serve(realm)
        for name in names or ("alice", "bob"):
            self.log_in(name)
        self.assertEqual([each.retiring for each in self.made], [None] * len(self.made))
        closed = self.close()
        self.assertNotIn(None, [each.retiring for each in self.made])
        self.assertNoResult(closed)
        self.retire_all()
        self.successResultOf(closed)


class RealmTests(CloseTestCase):
    """
    How the end of a server reaches the realms.
    """

    def test_interface(self) -> None:
        caching = CachingRealm(Player)
        for realm in (
            caching,
            DisposableRealm(Player),
            SharedStateRealm(self.make, list),
            RoutingRealm(lambda *_: caching),
            MindTrackingRealm(caching),
            AnonymousRealm(caching, caching),
        ):
            verifyObject(IClosableRealm, realm)
            for _ in range(2):
                self.assertIsNone(self.successResultOf(realm.close()))

    def test_realms_that_find_avatars(self) -> None:
        self.assert_closes(CachingRealm(self.make))
        self.assert_closes(DisposableRealm(self.make))
        self.assert_closes(SharedStateRealm(self.make, lambda name: []))
        self.made.clear()
        self.serve(SharedStateRealm(lambda name, _: Player(name), self.make_state))
        self.log_in()
        self.close()
        self.assertEqual(self.events[-1], "retire alice's state")

    def test_idle(self) -> None:
        """Also those whose clients have left."""
        self.serve(CachingRealm(self.make, linger=100))
        for name in ("alice", "bob"):
            self.log_in(name).leave()
        self.close()
        self.assertEqual(self.events[2:], ["retire alice", "retire bob"])
        self.retire_all()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_wrapping_realms(self) -> None:
        class Own(WrappingRealm):
            pass

        for wrap in (ConnectionLimitedRealm, MindTrackingRealm, JournalRealm, Own):
            self.assert_closes(wrap(CachingRealm(self.make)))

    def test_anonymous_realm(self) -> None:
        realm = AnonymousRealm(CachingRealm(self.make), CachingRealm(self.make), names=["carol"])
        self.assert_closes(realm, "alice", "carol")
        self.assertEqual(self.events[2:], ["retire alice", "retire guest#1"])

    def test_routing_realm(self) -> None:
        realms = {name: CachingRealm(self.make) for name in ("alice", "bob", "carol")}
        self.assert_closes(RoutingRealm(lambda session, _: realms[session.avatar_id]))

    def test_routing_realm_that_chooses_too_late(self) -> None:
        """Nothing is made in a realm that nobody closes any more."""
        choosing: Deferred[Any] = Deferred()
        realm = RoutingRealm(lambda *_: choosing)
        self.successResultOf(realm.close())
        login = realm.requestAvatar("alice", None, pb.IPerspective)
        choosing.callback(CachingRealm(self.make))
        why = self.failureResultOf(login, LoginRefused)
        self.assertIs(why.value.reason, Reason.SHUTTING_DOWN)
        self.assertEqual(self.made, [])

    def test_hand_written_realm_between(self) -> None:
        """It passes on nothing but logins, also of clients without a mind."""
        self.assert_closes(MindTrackingRealm(Between(CachingRealm(self.make))))
        self.assert_closes(
            RoutingRealm(lambda *_: Between(MindTrackingRealm(CachingRealm(self.make))))
        )

    def test_outermost_hand_written_realm(self) -> None:
        self.assert_closes(Between(CachingRealm(self.make)))
        self.assert_closes(Between(MindTrackingRealm(Between(CachingRealm(self.make)))))

    def test_asynchronous_hand_written_realm(self) -> None:
        for wrap in (MindTrackingRealm, lambda realm: realm):
            self.assert_closes(wrap(Between(CachingRealm(self.make), before=succeed(None))))

    def test_hand_written_realm_before_logins_that_fail(self) -> None:
        """What was made for them is found by the client's mind."""
        caching = CachingRealm(SlowToAttach)
        self.serve(MindTrackingRealm(Between(caching)))
        self.server.connect().start_login("alice", "secret", RecordingMind()).addErrback(
            lambda _: None
        )
        self.server.flush()
        (avatar,) = caching.avatars.values()
        avatar.attaching.fail(LoginRefused("not today"))
        self.server.flush()
        self.successResultOf(self.close())
        self.assertEqual(dict(caching.avatars), {})

    def test_closable_hand_written_realm(self) -> None:
        """One that provides the interface is closed itself."""
        closed: list[str] = []

        @implementer(IClosableRealm)
        class Closable(HandWrittenRealm):
            def close(self) -> Any:
                closed.append("closed")
                return Deferred()

        for wrap in (MindTrackingRealm, lambda realm: realm):
            self.serve(wrap(Closable()))
            closing = self.close()
            self.assertEqual(closed.pop(), "closed")
            self.assertNoResult(closing)
            self.server.advance(10)
            self.successResultOf(closing)

    def test_realm_that_fails_to_close(self) -> None:
        """It's logged in one line, and others are closed all the same."""

        @implementer(IClosableRealm)
        class Failing(HandWrittenRealm):
            def close(self) -> Any:
                return fail(ZeroDivisionError("one\nline"))

        entries = log_entries(self)
        self.assert_closes(
            AnonymousRealm(CachingRealm(self.make), Failing()),
        )
        (entry,) = [entry for entry in entries if "failed to close" in entry]
        self.assertIn("ZeroDivisionError: one\n", entry)

    def test_realm_that_is_made_for_one_login(self) -> None:
        """It isn't kept, and its avatars retire at the ends of their sessions."""
        self.serve(routing := RoutingRealm(lambda *_: DisposableRealm(self.make)))
        for _ in range(3):
            self.log_in().leave()
            self.retired()
        self.assertEqual(self.events.count("retire alice"), 3)
        import gc

        gc.collect()
        self.assertEqual(len(routing._chosen), 0)

    def test_any_realm(self) -> None:
        self.assertIsNone(self.successResultOf(close(HandWrittenRealm())))

    def test_plain_factory(self) -> None:
        """The program closes the realm; sessions that are open go on, and are waited for."""
        realm = ConnectionLimitedRealm(CachingRealm(self.make), limit=2)
        server = MemoryServer(
            realm, factory=pb.PBServerFactory(make_portal(realm, {"alice": "secret"}))
        )
        client: Any = server.connect()
        held = client.login("alice", "secret", RecordingMind())
        closed = realm.close()
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        self.assertRaises(pb.RemoteError, client.login, "alice", "secret", RecordingMind())
        self.assertEqual(self.events, ["make alice"])
        client.leave()
        self.assertNoResult(closed)
        self.made[0].retiring.callback(None)
        self.successResultOf(closed)


class TimeTests(CloseTestCase):
    """
    One bound for the whole, and a slow one doesn't hold up the others.
    """

    def test_one_that_never_retires(self) -> None:
        self.serve(CachingRealm(self.make))
        for name in ("alice", "bob"):
            self.log_in(name)
        entries = log_entries(self)
        closed = self.close(patience=3)
        self.made[1].retiring.callback(None)
        self.server.advance(2.9)
        self.assertNoResult(closed)
        self.server.advance(0.2)
        self.successResultOf(closed)
        (entry,) = [entry for entry in entries if "retire" in entry]
        self.assertIn(
            "closing without waiting for the avatars or states of alice to retire", entry
        )

    def test_many_that_never_retire(self) -> None:
        """The log names some of them."""
        realm = CachingRealm(self.make, clock=Clock())
        for number in range(30):
            self.successResultOf(realm.requestAvatar(f"u{number}", None, pb.IPerspective))[2]()
        entries = log_entries(self)
        closed = realm.close()
        closed.addErrback(lambda _: None)
        closed.cancel()
        (entry,) = entries
        self.assertIn("u7, u8, u9 and 20 more to retire", entry)

    def test_one_that_never_detaches(self) -> None:
        """It isn't retired, and others are, at once."""
        slow = CachingRealm(SlowToAttach)
        others = CachingRealm(self.make)
        realm = RoutingRealm(lambda session, _: slow if session.avatar_id == "alice" else others)
        self.serve(realm)
        _, login = self.start_login()
        slow.avatars["alice"].attaching.finish()
        self.server.flush()
        self.held = [self.successResultOf(login), self.log_in("bob")]
        entries = log_entries(self)
        closed = self.close(patience=3)
        self.assertEqual(self.events, ["make bob", "retire bob"])
        self.retired()
        self.server.advance(2)
        self.assertNoResult(closed)
        self.server.advance(1)
        self.server.advance(0)
        self.successResultOf(closed)
        self.assertEqual(len([entry for entry in entries if "closing with" in entry]), 2)

    def test_one_bound_for_detaching_and_retiring(self) -> None:
        """What detaches late has the rest of the time to retire."""
        made, events = self.made, self.events

        class Avatar(SlowToAttach):
            pass

        def make(name: str, state: Any) -> Any:
            made.append(Avatar(name))
            return made[-1]

        self.serve(SharedStateRealm(make, self.make_state))
        _, login = self.start_login()
        state, avatar = made
        avatar.attaching.finish()
        self.server.flush()
        self.held = self.successResultOf(login)
        closed = self.close(patience=10)
        self.server.advance(9)
        self.assertEqual(events, ["make alice's state"])
        avatar.detaching.pop().callback(None)
        self.server.flush()
        self.assertEqual(events[1:], ["retire alice's state"])
        self.server.advance(0.9)
        self.assertNoResult(closed)
        self.server.advance(0.2)
        self.successResultOf(closed)
        state.retiring.callback(None)

    def test_made_meanwhile(self) -> None:
        """What is made while the realm closes is retired as well, and waited for."""
        for realm in (CachingRealm, DisposableRealm):
            self.made.clear()
            slow = Slow(self.make)
            self.serve(realm(slow))
            _, login = self.start_login()
            closed = self.close()
            self.failureResultOf(login)
            slow.finish()
            self.server.flush()
            self.assertNoResult(closed)
            self.retired()
            self.successResultOf(closed)

    def test_never_made(self) -> None:
        self.serve(CachingRealm(Slow(self.make)))
        _, login = self.start_login()
        closed = self.close()
        self.failureResultOf(login)
        self.server.advance(10)
        self.successResultOf(closed)

    def test_login_that_waits(self) -> None:
        """A login that waits for the last avatar to retire gets no new one."""
        realm = CachingRealm(self.make, linger=0, clock=Clock())
        self.successResultOf(realm.requestAvatar("alice", None, pb.IPerspective))[2]()
        waiting = realm.requestAvatar("alice", None, pb.IPerspective)
        closed = realm.close()
        self.made[0].retiring.callback(None)
        why = self.failureResultOf(waiting, LoginRefused)
        self.assertIs(why.value.reason, Reason.SHUTTING_DOWN)
        self.successResultOf(closed)
        self.assertEqual(self.events, ["make alice", "retire alice"])

    def test_retired_before(self) -> None:
        """What is retiring already is waited for."""
        self.serve(CachingRealm(self.make, linger=0))
        self.log_in().leave()
        closed = self.close()
        self.assertNoResult(closed)
        self.retired()
        self.successResultOf(closed)
