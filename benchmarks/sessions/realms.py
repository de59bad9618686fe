"""
What is compared: the howto's realm and its loop, and pbrealm's realms and their broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    Limits,
    MindTrackingRealm,
    ServerFactory,
)

PASSWORD = b"secret"


class HowtoAvatar(pb.Avatar):
    """The howto's avatar, told of connections by its realm, with its current clients."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients: list[Any] = []

    def connect(self, mind: Any) -> None:
        self.clients.append(mind)

    def disconnect(self, mind: Any) -> None:
        # Minds can't be compared, so not clients.remove(mind).
        self.clients = [client for client in self.clients if client is not mind]

    def perspective_greet(self) -> str:
        return f"hello {self.name}"


@implementer(IRealm)
class HowtoRealm:
    """
    The howto's last realm: cached avatars, and a limit on concurrent connections; and "give each
    one a set of current clients", which the howto leaves to its readers.
    """

    def __init__(self, max: int = 1) -> None:
        self.avatars: dict[Any, HowtoAvatar] = {}
        self.max = max

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        if pb.IPerspective not in interfaces:
            raise NotImplementedError
        if avatarId in self.avatars:
            avatar = self.avatars[avatarId]
        else:
            avatar = self.avatars[avatarId] = HowtoAvatar(avatarId)
        if len(avatar.clients) >= self.max:
            raise ValueError("too many connections")
        avatar.connect(mind)
        return pb.IPerspective, avatar, lambda: avatar.disconnect(mind)


class PlainAvatar(pb.Avatar):
    """What L{HowtoAvatar} is once all else is the realms' affair."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perspective_greet(self) -> str:
        return f"hello {self.name}"


def full_stack() -> MindTrackingRealm:
    """Each of pbrealm's wrapping realms, one in another."""
    members = CachingRealm(PlainAvatar)
    everybody = AnonymousRealm(members, DisposableRealm(PlainAvatar))
    return MindTrackingRealm(ConnectionLimitedRealm(everybody, limit=1))


class Sender(Protocol):
    """How a side reaches its clients."""

    def everybody(self, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        """Fires when the last write is issued or, if answers are asked for, all are in."""

    def one(self, name: str, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        """The same for one user's client."""

    def count(self) -> int:
        """How many clients there are."""

    def minds(self) -> list[Any]:
        """All their minds."""


class Loop:
    """What the howto's readers write: C{callRemote} for one client after another."""

    def __init__(self, realm: HowtoRealm) -> None:
        self._avatars = realm.avatars

    def everybody(self, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        return self._to(list(self._avatars.values()), method, args, answers)

    def one(self, name: str, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        return self._to([self._avatars[name.encode()]], method, args, answers)

    def count(self) -> int:
        return len(self.minds())

    def minds(self) -> list[Any]:
        return [client for avatar in self._avatars.values() for client in avatar.clients]

    def _to(
        self, avatars: list[Any], method: str, args: Iterable[Any], answers: bool
    ) -> Deferred[Any]:
        if not answers:
            for avatar in avatars:
                for client in avatar.clients:
                    client.callRemote(method, *args, pbanswer=0)
            return succeed(None)
        done: Deferred[Any] = Deferred()
        left = sum(len(avatar.clients) for avatar in avatars)

        def answered(_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.callback(None)

        for avatar in avatars:
            for client in avatar.clients:
                client.callRemote(method, *args).addBoth(answered)
        return done


class Broadcast:
    """What pbrealm's users write."""

    def __init__(self, realm: MindTrackingRealm) -> None:
        self._realm = realm

    def everybody(self, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        return self._realm.broadcast(method, *args, pbanswer=answers)

    def one(self, name: str, method: str, args: Iterable[Any], answers: bool) -> Deferred[Any]:
        return self._realm.notify(name, method, *args, pbanswer=answers)

    def count(self) -> int:
        return len(self._realm.sessions())

    def minds(self) -> list[Any]:
        return [session.mind for session in self._realm.sessions()]


def _portal(realm: Any, names: Iterable[str]) -> Portal:
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name in names:
        checker.addUser(name.encode(), PASSWORD)
    return Portal(realm, [checker])


def _howto(names: Iterable[str]) -> tuple[Any, Sender]:
    realm = HowtoRealm()
    return pb.PBServerFactory(_portal(realm, names)), Loop(realm)


def _stack(names: Iterable[str]) -> tuple[Any, Sender]:
    realm = full_stack()
    return pb.PBServerFactory(_portal(realm, names)), Broadcast(realm)


def _pbrealm(names: Iterable[str]) -> tuple[Any, Sender]:
    realm = full_stack()
    # All clients are at one address, which may log in as fast as they can.
    limits = Limits(connections_per_address=100 * Limits.connections)
    return ServerFactory(_portal(realm, names), limits), Broadcast(realm)


SIDES: dict[str, Callable[[Iterable[str]], tuple[Any, Sender]]] = {
    "howto": _howto,
    "stack": _stack,
    "pbrealm": _pbrealm,
}
"""
By name, a factory and how to reach its clients: the howto's realm under plain PB, all of
pbrealm's realms under plain PB, and the same under pbrealm's own factory.
"""
