"""
A server with many sessions, for the tests of the administration's page.

It reads commands from its standard input, one a line: C{login NAME} opens a session without a
client, C{end ID} ends one, and C{away ID} says of one that its client has lost its connection.
"""

import argparse
import json
import math
import sys
from typing import Any

from twisted.application.service import MultiService
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet import task
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    MindTrackingRealm,
    Reason,
    ServerFactory,
    ServerService,
    Session,
)
from pbrealm.admin import AdminService
from pbrealm.admin._operations import Operation, Routes, json_reply

NAMES = ("ada", "barbara", "edsger", "grace", "hedy", "john", "katherine", "leslie", "radia")

HOSTILE = (
    "<script>alert(1)</script>",
    "\u202eback\x1b[31m\x00wards",
    "\u05e9\u05dc\u05d5\u05dd",
    "x" * 5000,
)


class Player(pb.Avatar):
    """
    Does nothing.
    """

    def __init__(self, avatar_id: str) -> None:
        pass


class Mind(pb.Referenceable):
    """
    A client that hears what is said.
    """

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def remote_say(self, text: str, times: int) -> str:
        if self.fails:
            raise pb.Error(f"<b>{text}</b>")
        return text * times

    def remote_goodbye(self, code: int, text: str, reconnect: bool) -> None:
        print(f"goodbye: {json.dumps([code, text, reconnect])}", flush=True)


@implementer(IStreamServerEndpoint)
class AnyPort:
    """
    Listens at a free port.
    """

    def __init__(self, reactor: Any, port: int = 0) -> None:
        self._endpoint = TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
        self.port = 0

    def listen(self, factory: Any) -> Deferred[Any]:
        return self._endpoint.listen(factory).addCallback(self._listening)

    def _listening(self, listening: Any) -> Any:
        self.port = listening.getHost().port
        return listening


class Commands(LineOnlyReceiver):
    """
    What the test asks for.
    """

    delimiter = b"\n"

    def __init__(self, realm: MindTrackingRealm[Any]) -> None:
        self.realm = realm

    def lineReceived(self, line: bytes) -> None:
        name, argument = line.decode().split(" ", 1)
        if name == "login":
            self.realm.requestAvatar(argument, None, pb.IPerspective)
            return
        session = next(each for each in self.realm.sessions() if each.id == int(argument))
        if name == "away":
            away.add(session.id)
            session.away_changed()
        else:
            session.end(Reason.DISCONNECTED)


away: set[int] = set()


def give_sessions_addresses() -> None:
    """Have sessions without clients tell of an address, and of a connection that was lost."""
    known: Any = Session.peer

    def peer(session: Any) -> Any:
        number: int = session.id
        made_up = IPv4Address("TCP", f"192.0.2.{number % 250 + 1}", 40_000 + number % 20_000)
        return known.fget(session) or made_up

    Session.peer = property(peer)  # type: ignore[assignment,method-assign]
    Session.away = property(lambda session: session.id in away)  # type: ignore[assignment,method-assign]


def rates(steps: int) -> dict[str, Any]:
    """The last steps of ten seconds of a busy server."""
    points = range(360)[360 - steps :]
    return {
        "step": 10,
        "times": [f"2026-01-01T12:{point // 6:02}:{point % 6}0Z" for point in points],
        "sessions": [round(10_000 + 2500 * math.sin((point - 359) / 50)) for point in points],
        "logins": [round(8 + 6 * math.sin(point / 31)) for point in points],
        "refusals": [3 if point % 67 == 5 else 0 for point in points],
        "ends": {
            "disconnected": [round(5 + 4 * math.cos(point / 27)) for point in points],
            "kicked": [2 if point == 200 else 0 for point in points],
        },
    }


def with_canned_rates(service: AdminService, steps: int) -> None:
    """Have the service tell of an hour that hasn't been."""
    canned = Operation("GET", "/api/rates", "", lambda call: json_reply(rates(steps)))
    others = [each for each in service._api.operations if each.path != canned.path]
    service._listeners[0]._resource._routes = Routes([*others, canned])


async def main(reactor: Any, arguments: argparse.Namespace) -> None:
    give_sessions_addresses()
    realm: MindTrackingRealm[Any] = MindTrackingRealm(CachingRealm(Player))
    names = [f"client{number}" for number in range(arguments.clients)]
    passwords = InMemoryUsernamePasswordDatabaseDontUse(**dict.fromkeys(names, b"secret"))
    factory = ServerFactory(Portal(realm, [passwords]))
    services = MultiService()
    for_clients, for_admins = AnyPort(reactor), AnyPort(reactor, arguments.port)
    ServerService(for_clients, factory).setServiceParent(services)
    administration = AdminService(
        realm, factory, for_admins, token=arguments.token, reactor=reactor
    )
    administration.setServiceParent(services)
    if arguments.steps is not None:
        with_canned_rates(administration, arguments.steps)
    services.startService()
    for number in range(arguments.sessions):
        await realm.requestAvatar(
            f"{NAMES[number % len(NAMES)]}{number + 1}", None, pb.IPerspective
        )
    for name in HOSTILE if arguments.hostile else ():
        await realm.requestAvatar(name, None, pb.IPerspective)
    references = []
    for number, name in enumerate(names):
        client = pb.PBClientFactory()
        await TCP4ClientEndpoint(reactor, "127.0.0.1", for_clients.port).connect(client)
        credentials = UsernamePassword(name.encode(), b"secret")
        references.append(await client.login(credentials, Mind(fails=number == 0)))
    StandardIO(Commands(realm))
    print(f"serving at {for_admins.port}", flush=True)
    await Deferred()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--clients", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--hostile", action="store_true")
    return parser.parse_args(sys.argv[1:])


if __name__ == "__main__":
    parsed = parse()
    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor, parsed)))
