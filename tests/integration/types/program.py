"""
A program as users write it, fully annotated.  It is not run: type checkers have to agree with it.

Each mistake is a line that a type checker has to complain of: where it doesn't, the comment that
ignores the error is an error itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from twisted.cred.credentials import Anonymous
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.spread import pb
from typing_extensions import assert_type
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    Arrival,
    CachingRealm,
    ClientSet,
    ConnectionLimitedRealm,
    DeliveryReport,
    Departure,
    DisposableRealm,
    IClientAware,
    ILoginMethod,
    ILoginObserver,
    JournalRealm,
    Login,
    LoginEnded,
    LoginRefused,
    MindTrackingRealm,
    PasswordLogin,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    RoutingRealm,
    ServerFactory,
    ServerService,
    Session,
    SharedDict,
    SharedStateRealm,
    WaitForRoom,
    WrappingRealm,
    current_session,
)
from pbrealm.client import LoginService
from pbrealm.realms import AnyRealm
from pbrealm.testing import MemoryServer


@implementer(IClientAware)
class Player(pb.Avatar):
    def __init__(self, name: str) -> None:
        self.name = name
        self.score = 0
        self.clients: ClientSet[Session[Player]] = ClientSet()

    def attached(self, session: Session[Player]) -> None:
        assert_type(session.avatar, Player)
        self.clients.add(session)
        session.on_end(self.left)

    async def detached(self, session: Session[Player], reason: Reason) -> None:
        assert_type(await session.end(reason), None)

    def left(self, session: Session[Player], reason: Reason) -> None:
        self.score += session.avatar.score

    async def perspective_tell(self, text: str) -> int:
        for session in self.clients:
            assert_type(session.avatar.score, int)
        report = await self.clients.notify("told", text)
        assert_type(report, DeliveryReport[Session[Player]])
        session_of_the_caller = current_session()
        if session_of_the_caller is not None:
            await session_of_the_caller.notify("thanks")
        return len(report.answered)


class Wolf(pb.Avatar):
    def __init__(self, name: str, state: SharedDict) -> None:
        self.state = state


async def make_later(name: str) -> Player:
    return Player(name)


def make_in_time(name: str) -> Deferred[Player]:
    return Deferred()


# What finds avatars

players = CachingRealm(Player, linger=60)
assert_type(players, CachingRealm[Player])
assert_type(players.avatars, Mapping[str, Player])
assert_type(players.avatars["alice"].score, int)
later = CachingRealm[Player](make_later)
assert_type(later.avatars, Mapping[str, Player])
in_time: DisposableRealm[Player] = DisposableRealm(make_in_time)
wolves = SharedStateRealm(Wolf, SharedDict)
assert_type(wolves.states["wolf"], SharedDict)


def choose(session: Session, interfaces: Sequence[Any]) -> AnyRealm:
    return wolves if session.avatar_id == "wolf" else players


async def choose_later(session: Session, interfaces: Sequence[Any]) -> AnyRealm:
    return choose(session, interfaces)


routed = RoutingRealm(choose)
routed_later = RoutingRealm(choose_later)


# What wraps them

realm: MindTrackingRealm[Player] = MindTrackingRealm(
    ConnectionLimitedRealm(CachingRealm(Player), limit=2, on_full=ReplaceOldest())
)
assert_type(realm.sessions(), Sequence[Session[Player]])
for session in realm.sessions("alice"):
    assert_type(session.avatar.score, int)
inferred = JournalRealm(
    AnonymousRealm(
        ConnectionLimitedRealm(
            routed, lambda name: 1, total=9, key=lambda session: session.peer, on_full=PingOldest()
        ),
        DisposableRealm(Player),
        names={"visitor"},
    )
)
ConnectionLimitedRealm(routed_later, limit=None, on_full=Refuse(), clock=Clock())
ConnectionLimitedRealm(routed_later, total=5, on_full=WaitForRoom(waiting=3))


def came_or_went(event: Arrival | Departure) -> None:
    print(event.session.avatar_id)


realm.subscribe(came_or_went)


async def announce() -> DeliveryReport[Session[Player]]:
    return await realm.broadcast("news", "hello", pbtimeout=5)


# What programs add


class HandWritten:
    def requestAvatar(self, avatarId: str, mind: object, *interfaces: Any) -> tuple[Any, Any, Any]:
        return interfaces[0], Player(avatarId), lambda: None


class EvenMinutes:
    waiting = 1

    def make_room(self, newcomer: Session, holders: Sequence[Session]) -> Awaitable[object] | None:
        return holders[0].end(Reason.REPLACED) if newcomer.since.minute % 2 == 0 else None


class MaintenanceRealm(WrappingRealm):
    def __init__(self, realm: AnyRealm) -> None:
        super().__init__(realm)
        self.notice: str | None = None

    async def admit(self, session: Session, interfaces: Sequence[Any]) -> tuple[Any, Any]:
        if self.notice is not None:
            raise LoginRefused(self.notice)
        return await super().admit(session, interfaces)


@implementer(ILoginMethod)
class TokenLogin:
    name = "loginToken"

    def begin(self, client: Any, token: object, mind: object) -> Login:
        return Login(Anonymous(), mind)


class Listening:
    def listen(self, protocolFactory: object) -> Deferred[None]:
        return Deferred()


maintenance = MaintenanceRealm(ConnectionLimitedRealm(HandWritten(), on_full=EvenMinutes()))
server = MemoryServer(maintenance, clock=Clock())


def serve(portal: Portal) -> ServerService:
    factory = ServerFactory(portal, login_methods=[TokenLogin(), PasswordLogin()], clock=Clock())
    return ServerService([Listening(), "tcp:8787"], factory)


# A client


class Connecting:
    def connect(self, protocolFactory: object) -> Deferred[None]:
        return Deferred()


@implementer(ILoginObserver)
class Status:
    def logged_in(self, perspective: Any) -> None:
        print(perspective)

    async def lost(self, why: LoginEnded) -> None:
        assert_type(why.reason, Reason)

    def resumed(self) -> None:
        pass

    def coming_back(self, seconds: float, why: LoginEnded) -> None:
        print(seconds, why.sentence)

    def stopped(self, why: LoginEnded) -> None:
        assert_type(why.reconnect, bool)


async def credentials() -> Anonymous:
    return Anonymous()


def stay() -> Deferred[LoginEnded]:
    service = LoginService(
        [Connecting(), "tcp:example.org:8787"], credentials, observer=Status(), first_delay=2
    )
    service.call("greet", 1, loud=True, pbwait=None)
    assert_type(service.stopService(), Deferred[None])
    return service.when_stopped()


# Mistakes

print(players.avatars["alice"].scores)  # type: ignore[attr-defined]
CachingRealm("Player")  # type: ignore[arg-type]
CachingRealm[Player](Wolf)  # type: ignore[arg-type]
MindTrackingRealm(Player("alice"))  # type: ignore[arg-type]
ConnectionLimitedRealm(players, on_full=Player("alice"))  # type: ignore[arg-type]
print(realm.sessions()[0].avatar.scores)  # type: ignore[attr-defined]
realm.sessions()[0].end("kicked")  # type: ignore[arg-type]
LoginService(8787, Anonymous())  # type: ignore[arg-type]
LoginService("tcp:example.org:8787", Anonymous(), observer=players)  # type: ignore[arg-type]
