"""
Sessions under hand-written realms: what they have handed out ends with them, too.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer

from pbrealm import (
    CachingRealm,
    ILoginMethod,
    Limits,
    Login,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    SharedDict,
    reason_of,
)
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Aware
from tests.server.revocation_cases import Counter


class IBoard(Interface):
    """Another side of an avatar."""


class IDesk(pb.IPerspective):
    """A perspective of another kind."""


@implementer(IBoard)
class Board(pb.Referenceable):
    def __init__(self) -> None:
        self.counter = Counter()

    def remote_counter(self) -> Any:
        return self.counter

    def remote_add(self) -> int:
        return self.counter.remote_add()


@implementer(IDesk)
class Owner(Aware):
    """Has a board, which all of its clients share, and is its own desk."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.board = Board()
        self.settings = SharedDict(name, {"volume": 1})

    def __conform__(self, interface: Any) -> Any:
        return self.board if interface is IBoard else None

    def perspective_counter(self) -> Any:
        return self.board.counter

    def perspective_add(self) -> int:
        return self.board.counter.remote_add()

    def perspective_settings(self) -> Any:
        return self.settings


class Gate:
    """What asynchronous realms wait for, until the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Any]] = []

    def wait(self) -> Deferred[Any]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def open(self) -> None:
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.callback(None)


@implementer(IRealm)
class PassingOn:
    def __init__(self, realm: Any, gate: Gate) -> None:
        self.realm = realm
        self.gate = gate
        self.logouts: list[str] = []

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return self.realm.requestAvatar(avatarId, mind, *interfaces)

    def with_own_logout(self, login: Any) -> Any:
        interface, aspect, logout = login

        def log_out() -> None:
            self.logouts.append(interface.__name__)
            logout()

        return interface, aspect, log_out


class WithoutMind(PassingOn):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return self.realm.requestAvatar(avatarId, None, *interfaces)


class ByCoroutine(PassingOn):
    async def request(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        await self.gate.wait()
        login = await self.realm.requestAvatar(avatarId, mind, *interfaces)
        await self.gate.wait()
        return self.with_own_logout(login)

    def requestAvatar(self, *login: Any) -> Any:
        return Deferred.fromCoroutine(self.request(*login))


class ByGenerator(PassingOn):
    @inlineCallbacks
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        yield self.gate.wait()
        login = yield self.realm.requestAvatar(avatarId, mind, *interfaces)
        return self.with_own_logout(login)


class ByCallback(PassingOn):
    """Asks the realm within in the context of whoever opens the gate, and waits again after."""

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        login = self.gate.wait()
        login.addCallback(lambda _: self.realm.requestAvatar(avatarId, mind, *interfaces))
        login.addCallback(lambda result: self.gate.wait().addCallback(lambda _: result))
        return login.addCallback(self.with_own_logout)


class ByCallbackWithoutMind(ByCallback):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return super().requestAvatar(avatarId, None, *interfaces)


class LoggingOutFirst(PassingOn):
    """Logs in once more before, and out again."""

    async def request(self, *login: Any) -> Any:
        _, _, logout = await self.realm.requestAvatar(*login)
        logout()
        result = await self.realm.requestAvatar(*login)
        return self.with_own_logout(result)

    def requestAvatar(self, *login: Any) -> Any:
        return Deferred.fromCoroutine(self.request(*login))


class IAnybody(ICredentials):
    """A name without a password."""


@implementer(IAnybody)
class Anybody:
    def __init__(self, name: object) -> None:
        self.name = name


@implementer(ICredentialsChecker)
class TrustingChecker:
    credentialInterfaces = (IAnybody,)

    def requestAvatarId(self, credentials: Anybody) -> Any:
        return succeed(credentials.name)


INTERFACES = {b"perspective": pb.IPerspective, b"board": IBoard, b"desk": IDesk}


@implementer(ILoginMethod)
class Enter:
    name = "enter"

    def begin(self, client: Any, name: Any, interface: Any, mind: Any) -> Login:
        return Login(Anybody(name), mind, interfaces=[INTERFACES[interface]])


REALMS = (
    PassingOn,
    WithoutMind,
    ByCoroutine,
    ByGenerator,
    ByCallback,
    ByCallbackWithoutMind,
    LoggingOutFirst,
)


class HandWrittenRealmTestCase(SynchronousTestCase):
    def serve(self, *hand_written: type[PassingOn], outer: bool = False) -> None:
        """
        @param outer: whether another realm of pbrealm's is the outermost.
        """
        self.gate = Gate()
        self.caching: Any = CachingRealm(Owner)
        self.realm = MindTrackingRealm(self.caching)
        self.realms = [self.realm]
        served: Any = self.realm
        for left, each in zip(reversed(range(len(hand_written))), hand_written, strict=True):
            self.hand_written = each(served, self.gate)
            served = self.hand_written
            if left or outer:
                served = MindTrackingRealm(served)
                self.realms.append(served)
        factory = ServerFactory(
            Portal(served, [TrustingChecker()]),
            Limits(login_seconds=0, ping_interval=0),
            login_methods=[Enter()],
        )
        self.server = MemoryServer(served, factory=factory)
        self.client: Any = self.connect()

    def connect(self) -> Any:
        client: Any = self.server.connect(ClientFactory())
        client.root = client.wait(client.factory.getRootObject())
        return client

    def start(self, name: bytes, interface: bytes, mind: Any = None, client: Any = None) -> Any:
        client = client or self.client
        login = client.root.callRemote("enter", name, interface, mind)
        self.server.flush()
        return login

    def enter(self, name: bytes, interface: bytes, mind: Any = None, client: Any = None) -> Any:
        login = self.start(name, interface, mind, client)
        while self.gate.waiting:
            self.gate.open()
            self.server.flush()
        return (client or self.client).wait(login)

    def kick(self, realm: Any, name: str = "alice", which: int = 0) -> None:
        realm.sessions(name)[which].end()
        self.server.flush()

    def assert_refused(self, reference: Any, method: str, client: Any = None) -> None:
        with self.assertRaises(pb.RemoteError) as caught:
            (client or self.client).call(reference, method)
        self.assertIs(reason_of(caught.exception), Reason.KICKED)


class RevocationTests(HandWrittenRealmTestCase):
    """
    alice's session is kicked, and bob's keeps the connection open.
    """

    def check(self, interface: bytes, mind: bool, kicked: int = 0) -> None:
        bob = self.enter(b"bob", b"perspective")
        alice = self.enter(b"alice", interface, RecordingMind() if mind else None)
        counter = self.client.call(alice, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick(self.realms[kicked])
        self.assert_refused(counter, "add")
        self.assert_refused(alice, "counter")
        self.assertEqual([each.sessions("alice") for each in self.realms], [()] * len(self.realms))
        history = [entry[0] for entry in self.caching.avatars["alice"].history]
        self.assertEqual(history[-2:], ["attached", "detached"])
        self.assertEqual(history.count("attached"), history.count("detached"))
        self.client.call(bob, "add")

    def test_outermost(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                for mind in (False, True):
                    self.serve(realm)
                    self.check(interface, mind)

    def test_between(self) -> None:
        """Whichever of the two sessions is kicked, both end."""
        for realm in REALMS:
            for interface in INTERFACES:
                for mind in (False, True):
                    for kicked in (0, 1):
                        self.serve(realm, outer=True)
                        self.check(interface, mind, kicked)

    def test_two(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                for kicked in (0, 1):
                    self.serve(realm, WithoutMind)
                    self.check(interface, True, kicked)

    def test_live_copy(self) -> None:
        for realm in REALMS:
            self.serve(realm)
            self.bob = self.enter(b"bob", b"perspective")
            copy = self.client.call(self.enter(b"alice", b"perspective"), "settings")
            self.kick(self.realm)
            self.caching.avatars["alice"].settings["volume"] = 2
            self.server.flush()
            self.assertEqual(dict(copy), {"volume": 1})

    def test_others_keep_theirs(self) -> None:
        """The other client of the same avatar, with the same aspect, isn't concerned."""
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                other = self.connect()
                self.bob = self.enter(b"bob", b"perspective")
                first = self.enter(b"alice", interface)
                second = self.enter(b"alice", interface, client=other)
                self.kick(self.realm)
                self.assert_refused(first, "add")
                counter = other.call(second, "counter")
                self.assertEqual(other.call(counter, "add"), 1)
                self.kick(self.realm)
                self.assertFalse(other.connected)

    def test_kicked_before_the_answer(self) -> None:
        """A session that was ended while the hand-written realm took its time gives nothing."""
        for realm in (ByCoroutine, ByCallback, ByCallbackWithoutMind):
            for interface in INTERFACES:
                for outer in (False, True):
                    self.serve(realm, outer=outer)
                    self.bob = self.enter(b"bob", b"perspective")
                    login = self.start(b"alice", interface)
                    self.gate.open()
                    self.kick(self.realm)
                    self.gate.open()
                    self.server.flush()
                    self.assertIs(reason_of(self.failureResultOf(login)), Reason.KICKED)
                    self.assertEqual(len(self.client.server_broker.localObjects), 2)


class ConnectionTests(HandWrittenRealmTestCase):
    """
    The connection of a session is known, also where its client has passed no mind.
    """

    def test_closed_with_the_last_session(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                self.held = self.enter(b"alice", interface)
                (session,) = self.realm.sessions()
                self.assertEqual(session.peer, self.client.server_broker.client.peer)
                self.kick(self.realm)
                self.assertFalse(self.client.connected)

    def test_lost(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                self.held = self.enter(b"alice", interface)
                (session,) = self.realm.sessions()
                self.client.drop()
                self.assertIs(session.ended, Reason.DISCONNECTED)

    def test_logout(self) -> None:
        """The client logs out of its own session, and the hand-written realm hears of it once."""
        for interface in INTERFACES:
            self.serve(ByCallback)
            other = self.connect()
            self.held = self.enter(b"alice", interface)
            also_held = self.enter(b"alice", interface, client=other)
            session = self.realm.sessions()[1]
            del also_held
            self.server.flush()
            self.assertIs(session.ended, Reason.LOGGED_OUT)
            self.assertEqual(len(self.realm.sessions()), 1)
            self.assertEqual(len(self.hand_written.logouts), 1)
            other.drop()
            self.assertEqual(len(self.hand_written.logouts), 1)


class Renaming(PassingOn):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return self.realm.requestAvatar(f"the owner {avatarId}", mind, *interfaces)


class RenamingLater(ByCallback):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return super().requestAvatar(f"the owner {avatarId}", mind, *interfaces)


class RenamingTests(HandWrittenRealmTestCase):
    def test_left_by_a_session_that_logged_out(self) -> None:
        """A kick also revokes that if the inner realm has other avatar ids than the outer one."""
        self.serve(Renaming, outer=True)
        self.bob = self.enter(b"bob", b"perspective")
        first = self.enter(b"alice", b"perspective")
        self.second = self.enter(b"alice", b"perspective")
        counter = self.client.call(first, "counter")
        del first
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick(self.realms[1])
        self.assert_refused(counter, "add")

    def test_kicked_before_the_inner_realm_is_asked(self) -> None:
        self.serve(RenamingLater, outer=True)
        self.bob = self.enter(b"bob", b"perspective")
        first = self.enter(b"alice", b"perspective")
        counter = self.client.call(first, "counter")
        del first
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        login = self.start(b"alice", b"perspective")
        self.client.server_broker.client.sessions[-1].end()
        self.server.flush()
        self.assertIs(reason_of(self.failureResultOf(login)), Reason.KICKED)
        self.assert_refused(counter, "add")


class Auditing(pb.Avatar):
    """A perspective of a program's own, which passes calls on to a session."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.calls: list[Any] = []

    def perspectiveMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        self.calls.append(message)
        return self.session.perspectiveMessageReceived(broker, message, args, kw)


class WithOwnPerspective(ByCallback):
    def with_own_logout(self, login: Any) -> Any:
        interface, session, log_out = super().with_own_logout(login)
        return interface, Auditing(session), log_out


class OwnPerspectiveTests(HandWrittenRealmTestCase):
    def test_revoked(self) -> None:
        """What a session hands out through a perspective around it ends with the session."""
        self.serve(WithOwnPerspective)
        bob = self.enter(b"bob", b"perspective")
        alice = self.enter(b"alice", b"perspective")
        self.assertEqual(self.client.call(bob, "add"), 1)
        counter = self.client.call(alice, "counter")
        self.kick(self.realm)
        self.assert_refused(alice, "counter")
        self.assert_refused(counter, "add")
        self.assertEqual(self.client.call(bob, "add"), 2)


@implementer(IRealm)
class AskingForAspects(PassingOn):
    """
    Asks for an aspect that several users share, and waits again with it.

    @ivar passes_on: whether a mind is passed on.
    """

    passes_on = True

    @inlineCallbacks
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        passed = mind if self.passes_on else None
        login = self.with_own_logout((yield self.realm.requestAvatar(avatarId, passed, IBoard)))
        yield self.gate.wait()
        return login


class SharedAspectTests(SynchronousTestCase):
    """
    Two users log in at the same time, and get the same aspect.
    """

    def serve(self, *, passes_on: bool) -> None:
        board = Board()

        class Member(Aware):
            def __conform__(self, interface: Any) -> Any:
                return board if interface is IBoard else None

        self.gate = Gate()
        self.tracking = MindTrackingRealm(CachingRealm(Member))
        realm = AskingForAspects(self.tracking, self.gate)
        realm.passes_on = passes_on
        self.server = MemoryServer(realm)

    def logins(self, *minds: Any) -> list[Any]:
        """Log in alice and bob, of whom the one who was first is done first."""
        started = [
            self.server.connect().start_login(name, "secret", mind)
            for name, mind in zip(("bob", "alice"), minds, strict=True)
        ]
        self.server.flush()
        while self.gate.waiting:
            self.gate.waiting.pop(0).callback(None)
            self.server.flush()
        return started

    def test_minds(self) -> None:
        """Each is served as who it is."""
        self.serve(passes_on=True)
        bob, alice = self.logins(None, RecordingMind())
        held = self.successResultOf(bob), self.successResultOf(alice)
        (session,) = self.tracking.sessions("bob")
        self.assertIsNone(session.mind)
        session.end()
        self.server.flush()
        self.assertEqual([client.connected for client in self.server.clients], [False, True])
        del held

    def test_without_minds(self) -> None:
        """Whose session is whose can't be told, so the first is refused."""
        self.serve(passes_on=False)
        bob, alice = self.logins(None, None)
        self.failureResultOf(bob)
        self.successResultOf(alice)
        self.assertEqual([each.avatar_id for each in self.tracking.sessions()], ["alice"])
