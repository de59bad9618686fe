"""
Hand-written realms around those of pbrealm, and how their clients log in.
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
from pbrealm.testing import MemoryServer
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
