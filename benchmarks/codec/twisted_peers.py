"""
The peers that live in Twisted's reactor: plain PB, pbrealm, foolscap.

C{python -m benchmarks.codec.twisted_peers PEER serve} says where it serves;
C{... PEER call WHERE} does what it's told by lines of C{[row, in flight, seconds]}.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.credentials import Anonymous
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.spread import pb
from zope.interface import implementer

from benchmarks.codec.rows import ROWS, expected
from benchmarks.processes import say

reactor: Any = _reactor
Call = Callable[..., "Deferred[Any]"]


class Target(pb.Avatar):
    """What's called in Perspective Broker, after an anonymous login."""

    def perspective_add(self, a: int, b: int) -> int:
        return a + b

    def perspective_echo(self, value: object) -> object:
        return value


@implementer(IRealm)
class PlainRealm:
    """A realm as the documentation of Perspective Broker has it."""

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: object) -> Any:
        return pb.IPerspective, Target(), lambda: None


def pb_factories(peer: str) -> tuple[Any, Any]:
    """A server's and a client's."""
    checker = AllowAnonymousAccess()
    if peer == "plain PB":
        return pb.PBServerFactory(Portal(PlainRealm(), [checker])), pb.PBClientFactory()
    # As its users have it: with sessions, behind a ServerFactory.
    from pbrealm import AnonymousRealm, DisposableRealm, MindTrackingRealm, ServerFactory
    from pbrealm.client import ClientFactory

    guests = DisposableRealm(lambda _: Target())
    realm = MindTrackingRealm(AnonymousRealm(guests, guests))
    return ServerFactory(Portal(realm, [checker])), ClientFactory()


async def serve_pb(peer: str) -> str:
    port = reactor.listenTCP(0, pb_factories(peer)[0], interface="127.0.0.1")
    return str(port.getHost().port)


async def connect_pb(peer: str, where: str) -> Call:
    factory = pb_factories(peer)[1]
    reactor.connectTCP("127.0.0.1", int(where), factory)
    call: Call = (await factory.login(Anonymous())).callRemote
    return call


async def serve_foolscap(_: str) -> str:
    from foolscap.api import Referenceable, Tub

    class Called(Referenceable):
        remote_add = Target.perspective_add
        remote_echo = Target.perspective_echo

    tub = Tub()
    tub.startService()
    listening = reactor.listenTCP(0, pb.PBServerFactory(pb.Root()), interface="127.0.0.1")
    number = listening.getHost().port
    await listening.stopListening()
    tub.listenOn(f"tcp:{number}:interface=127.0.0.1")
    tub.setLocation(f"tcp:127.0.0.1:{number}")
    where: str = tub.registerReference(Called())
    return where


async def connect_foolscap(_: str, where: str) -> Call:
    from foolscap.api import Tub

    tub = Tub()
    tub.startService()
    call: Call = (await tub.getReference(where)).callRemote
    return call


def drive(
    call: Call, method: str, args: tuple[Any, ...], in_flight: int, seconds: float
) -> Deferred[tuple[int, float]]:
    """
    Keep that many calls in flight for so long.

    @return: how many were answered, and in how many seconds.
    """
    done: Deferred[tuple[int, float]] = Deferred()
    answered = 0
    out = 0
    start = time.perf_counter()
    end = start + seconds

    def again(_: object = None) -> None:
        nonlocal answered, out
        answered += 1
        if time.perf_counter() < end:
            call(method, *args).addCallbacks(again, done.errback)
        else:
            out -= 1
            if not out:
                done.callback((answered, time.perf_counter() - start))

    for _ in range(in_flight):
        out += 1
        call(method, *args).addCallbacks(again, done.errback)
    return done


async def main(reactor: object, peer: str, role: str, where: str = "") -> None:
    serve, connect = (
        (serve_foolscap, connect_foolscap) if peer == "foolscap" else (serve_pb, connect_pb)
    )
    if role == "serve":
        say(await serve(peer))
        await Deferred()
    call = await connect(peer, where)
    say("connected")
    while line := await deferToThread(sys.stdin.readline):
        row, in_flight, seconds = json.loads(line)
        method, args, _ = ROWS[row]
        answer = await call(method, *args)
        assert answer == expected(row), answer
        say(await drive(call, method, args, in_flight, seconds))


def as_deferred(*args: Any) -> Deferred[None]:
    coroutine: Coroutine[Any, Any, None] = main(*args)
    return Deferred.fromCoroutine(coroutine)


if __name__ == "__main__":
    react(as_deferred, sys.argv[1:])
