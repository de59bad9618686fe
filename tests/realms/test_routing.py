"""
Realms that are chosen for each login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.error import LoginDenied
from twisted.internet.defer import CancelledError, Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    IClientAware,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    ReplaceOldest,
    RoutingRealm,
    SessionEnded,
    TooManyConnections,
    WaitForRoom,
)
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind
from tests.avatars import Aware, Player, SlowToAttach
from tests.logs import log_entries
from tests.realms.cases import AvatarMixin, IAdmin, PassingOnMixin, RealmTestCase


class PassingOnTests(PassingOnMixin, RealmTestCase):
    def wrap(self, realm: Any) -> RoutingRealm:
        return RoutingRealm(lambda *_: realm, clock=self.clock)


class FindingTests(AvatarMixin, SynchronousTestCase):
    def make(self, factory: Callable[..., Any]) -> RoutingRealm:
        realm = CachingRealm(factory)
        return RoutingRealm(lambda *_: realm)


class Worker(Aware):
    """One of two kinds of avatars."""


@implementer(IAdmin)
class Boss(Aware):
    """The other."""


class LongWinded(RecordingMind):
    """A mind that fails, with a long text."""

    def respond(self, message: str) -> object:
        raise pb.Error("\x1b[31m" * 10000)


class RoutingTestCase(RealmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.workers = CachingRealm(Worker)
        self.bosses = CachingRealm(Boss)

    def by_name(self, session: Any, interfaces: Any) -> CachingRealm:
        return self.bosses if session.avatar_id == "alice" else self.workers

    def limited(self, **options: Any) -> ConnectionLimitedRealm:
        return ConnectionLimitedRealm(RoutingRealm(self.by_name), clock=self.clock, **options)


class ChoiceTests(RoutingTestCase):
    """
    By what the realm can be chosen, and how it's returned.
    """

    def test_by_avatar_id(self) -> None:
        realm = RoutingRealm(self.by_name, clock=self.clock)
        self.assertIsInstance(self.session(realm, "alice").avatar, Boss)
        self.assertIsInstance(self.session(realm, "bob").avatar, Worker)
        self.assertEqual(
            (list(self.bosses.avatars), list(self.workers.avatars)), (["alice"], ["bob"])
        )

    def test_by_interface(self) -> None:
        realm = RoutingRealm(
            lambda _, interfaces: self.bosses if IAdmin in interfaces else self.workers
        )
        for interface, kind in ((IAdmin, Boss), (pb.IPerspective, Worker)):
            login = realm.requestAvatar("alice", None, interface)
            chosen, session, _ = self.successResultOf(login)
            self.assertEqual((chosen, type(session.avatar)), (interface, kind))

    def test_by_mind(self) -> None:
        """The client can be asked, for it has been authenticated."""

        async def choose(session: Any, interfaces: Any) -> Any:
            role = await session.notify("role")
            return self.bosses if role == "boss" else self.workers

        server = MemoryServer(RoutingRealm(choose))
        client = server.connect()
        client.login("bob", "secret", RecordingMind("boss"))
        self.assertEqual(list(self.bosses.avatars), ["bob"])

    def test_by_mind_that_never_answers(self) -> None:
        """The login fails as the call does: for a reason to come back."""

        async def choose(session: Any, interfaces: Any) -> Any:
            await session.notify("role")
            return self.workers

        server = MemoryServer(RoutingRealm(choose))
        client = server.connect()
        login = client.start_login("bob", "secret", StallingMind())
        server.advance(30)
        self.failureResultOf(login, pb.PBConnectionLost)

    def test_later(self) -> None:
        answer: Deferred[Any] = Deferred()
        login = self.request(RoutingRealm(lambda *_: answer))
        self.assertNoResult(login)
        answer.callback(self.workers)
        self.successResultOf(login)

    def test_too_late(self) -> None:
        """A realm that is chosen for a client that has left isn't asked."""
        answer: Deferred[Any] = Deferred()
        login = self.request(RoutingRealm(lambda *_: answer))
        login.cancel()
        self.failureResultOf(login, SessionEnded)
        answer.callback(self.workers)
        self.assertEqual(dict(self.workers.avatars), {})

    def test_of_its_own_kind(self) -> None:
        """What is chosen may choose in turn."""
        inner = RoutingRealm(self.by_name)
        self.session(RoutingRealm(lambda *_: inner, clock=self.clock), "bob")
        self.assertEqual(list(self.workers.avatars), ["bob"])


class RefusalTests(RoutingTestCase):
    """
    Where no realm is chosen, the login fails.
    """

    def failure(self, choose: Callable[..., Any], kind: type[BaseException]) -> str:
        return str(self.failureResultOf(self.request(RoutingRealm(choose)), kind).value)

    def test_no_realm(self) -> None:
        for returned, named in (
            (None, "None"),
            ("workers", "an object of type builtins.str"),
            (CachingRealm, "the class pbrealm.realms._caching.CachingRealm"),
        ):
            text = self.failure(lambda *_, returned=returned: returned, TypeError)
            self.assertIn(f"must return a realm, not {named}", text)

    def test_fails(self) -> None:
        def choose(*_: Any) -> Any:
            raise KeyError("role")

        self.failure(choose, KeyError)

    def test_fails_later(self) -> None:
        async def choose(*_: Any) -> Any:
            raise CancelledError

        self.failure(choose, CancelledError)

    def test_mind_fails(self) -> None:
        """What the mind answers, and a choice rests on, is logged within the budget of errors."""

        async def choose(session: Any, interfaces: Any) -> Any:
            await session.notify("role")

        entries = log_entries(self)
        server = MemoryServer(RoutingRealm(choose))
        for _ in range(3):
            client = server.connect()
            with self.assertRaises(pb.RemoteError) as caught:
                client.login("alice", "secret", LongWinded())
            self.assertIn("an error of the server", str(caught.exception))
        self.assertLess(sum(map(len, entries)), 10000)
        self.assertNotIn("\x1b", "".join(entries))
        self.flushLoggedErrors()

    def test_refuses(self) -> None:
        """An error that is made for the client goes to the client."""

        def choose(*_: Any) -> Any:
            raise LoginRefused("no role has been given to you", Reason.BUSY)

        why = self.failure(choose, LoginRefused)
        self.assertEqual(why, "no role has been given to you (reason 9)")

    def test_denies(self) -> None:
        """So does cred's."""

        def choose(*_: Any) -> Any:
            raise LoginDenied("no role")

        self.failureResultOf(self.request(RoutingRealm(choose)), LoginDenied)

    def test_not_callable(self) -> None:
        with self.assertRaises(TypeError) as caught:
            RoutingRealm(self.workers)  # type: ignore[arg-type]
        self.assertEqual(
            str(caught.exception),
            "choose must be a class or a function, "
            "not an object of type pbrealm.realms._caching.CachingRealm",
        )


class StackingTests(RoutingTestCase):
    """
    A realm that chooses, among other realms.
    """

    def test_within(self) -> None:
        """A limit around it counts the sessions of all kinds of avatars."""
        realm = MindTrackingRealm(self.limited(total=2, on_full=ReplaceOldest(stay=0)))
        alice, bob, carol = [self.session(realm, name) for name in ("alice", "bob", "carol")]
        self.assertIs(alice.ended, Reason.REPLACED)
        self.assertEqual(realm.sessions(), (bob, carol))
        self.assertEqual(self.bosses.avatars["alice"].clients, [])

    def test_around(self) -> None:
        """Limits within hold for each kind."""
        workers = MindTrackingRealm(ConnectionLimitedRealm(self.workers, total=1))
        bosses = MindTrackingRealm(self.bosses)
        realm = RoutingRealm(
            lambda session, _: bosses if session.avatar_id == "alice" else workers,
            clock=self.clock,
        )
        self.held = [self.session(realm, name) for name in ("alice", "alice", "bob")]
        self.failureResultOf(self.request(realm, "carol"), TooManyConnections)
        self.assertEqual((len(bosses.sessions()), len(workers.sessions())), (2, 1))

    def test_guests(self) -> None:
        """Guests are chosen for by their own avatar ids."""
        asked: list[str] = []

        def choose(session: Any, interfaces: Any) -> Any:
            asked.append(session.avatar_id)
            return self.workers

        server = MemoryServer(AnonymousRealm(RoutingRealm(choose), RoutingRealm(choose)))
        self.held = [server.connect().login(), server.connect().login("alice", "secret")]
        self.assertEqual(asked, ["guest#1", "alice"])

    def test_clock(self) -> None:
        """The realms that are chosen run by the clock of the login."""
        lingering = CachingRealm(Player, linger=5)
        realm = RoutingRealm(lambda *_: lingering)
        server = MemoryServer(MindTrackingRealm(realm))
        client = server.connect()
        self.held = client.login("alice", "secret")
        client.drop()
        self.assertEqual(list(lingering.avatars), ["alice"])
        server.advance(5)
        self.assertEqual((dict(lingering.avatars), realm.clock), ({}, None))

    def test_attaches_after_the_last_has_detached(self) -> None:
        """Also where the realm is chosen late, and a newcomer waits for the slot meanwhile."""
        avatars = CachingRealm(SlowToAttach)
        chosen: list[Deferred[Any]] = [Deferred(), Deferred()]
        choices = iter(chosen)
        realm = ConnectionLimitedRealm(
            RoutingRealm(lambda *_: next(choices)), on_full=WaitForRoom(), clock=self.clock
        )
        first, second = self.request(realm), self.request(realm)
        chosen[1].callback(avatars)
        chosen[0].callback(avatars)
        avatar = avatars.avatars["alice"]
        avatar.attaching.finish()
        _, _, logout = self.successResultOf(first)
        logout()
        self.assertEqual(len(avatar.attaching.calls), 0)
        avatar.detaching.pop().callback(None)
        avatar.attaching.finish()
        self.successResultOf(second)


class RevocationTests(RoutingTestCase):
    def test_extended_perspective(self) -> None:
        """A client whose avatar extends IPerspective loses it like any other."""
        self.assertTrue(IClientAware.implementedBy(Boss))
        realm = MindTrackingRealm(RoutingRealm(self.by_name))
        root = AdminRoot(realm)
        server = MemoryServer(realm, factory=pb.PBServerFactory(root), clock=self.clock)
        client = server.connect()
        reference = client.call(client.wait(client.factory.getRootObject()), "admin", "alice")
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")
        (session,) = realm.sessions()
        session.end(Reason.KICKED)
        server.flush()
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(reference, "greet")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.SessionEnded")


class AdminRoot(pb.Root):
    """Logs in anybody, for a perspective of another interface."""

    def __init__(self, realm: Any) -> None:
        self.realm = realm

    def remote_admin(self, name: str) -> Any:
        login = self.realm.requestAvatar(name, None, IAdmin)
        return login.addCallback(lambda found: pb.AsReferenceable(found[1], "perspective"))
