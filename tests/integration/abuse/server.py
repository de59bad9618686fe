"""
A server to be abused: a process of its own, so that what it takes can be measured from outside.

C{python -m tests.integration.abuse.server --limits login_seconds=1 connections=50} prints
C{listening at HOST:PORT}, and what it logs on standard error.
"""

from __future__ import annotations

import argparse
import gc
import sys

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.spread import pb

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    Limits,
    MindTrackingRealm,
    PingOldest,
    Refuse,
    ReplaceOldest,
    ServerFactory,
    WaitForRoom,
)
from pbrealm.testing import make_portal

NAMES = ("alice", "bob", "carol", "mallory", "warden")
"""The accounts; each one's password is C{secret}."""

POLICIES = {
    "refuse": Refuse,
    "replace": ReplaceOldest,
    "ping": PingOldest,
    "wait": WaitForRoom,
}


class Citizen(pb.Avatar):
    """What the accounts are given."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.greetings = 0

    def perspective_greet(self) -> str:
        self.greetings += 1
        return f"hello {self.name}"

    def perspective_echo(self, this: object) -> object:
        return this

    def perspective_object(self) -> pb.Referenceable:
        return pb.Referenceable()

    def perspective_greetings(self) -> int:
        return self.greetings


class Warden(Citizen):
    """An account that can see what the server has."""

    realm: MindTrackingRealm

    def perspective_sessions(self) -> list[str]:
        return [session.avatar_id for session in self.realm.sessions()]

    def perspective_collect(self) -> int:
        """Collect garbage, so that what is measured next is what's held."""
        return gc.collect()


def realm_with(policy: str, limit: int, seconds: float | None) -> MindTrackingRealm:
    """The realm that's served."""
    on_full = POLICIES[policy]() if seconds is None else POLICIES[policy](seconds)
    caching = CachingRealm(lambda name: (Warden if name == "warden" else Citizen)(name))
    realm = MindTrackingRealm(ConnectionLimitedRealm(caching, limit, on_full=on_full))
    Warden.realm = realm
    return realm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--plain", action="store_true", help="without bounds")
    parser.add_argument("--policy", choices=POLICIES, default="refuse")
    parser.add_argument("--limit", type=int, default=4, help="sessions of an account")
    parser.add_argument("--seconds", type=float, help="the time-out of the policy")
    parser.add_argument("--limits", nargs="*", default=[], help="name=number, of pbrealm.Limits")
    options = parser.parse_args()

    passwords = dict.fromkeys(NAMES, "secret")
    realm = realm_with(options.policy, options.limit, options.seconds)
    portal = make_portal(realm, passwords, anonymous=False)
    if options.plain:
        factory = pb.PBServerFactory(portal)
    else:
        numbers = {name: float(number) for name, number in (s.split("=") for s in options.limits)}
        limits = Limits(**{k: int(n) if n == int(n) else n for k, n in numbers.items()})
        factory = ServerFactory(portal, limits)

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)

    def listening(port: object) -> None:
        address = port.getHost()  # type: ignore[attr-defined]
        print(f"listening at {address.host}:{address.port}", flush=True)

    TCP4ServerEndpoint(reactor, 0, interface=options.host).listen(factory).addCallback(listening)
    reactor.run()


if __name__ == "__main__":
    main()
