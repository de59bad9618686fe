"""
The server of the abuse tests.  It runs in a process of its own, so that tests can measure its
memory and its open files.

C{python -m tests.integration.abuse.server --limits login_seconds=1 connections=50} prints
C{listening at HOST:PORT}, and writes its log to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.spread import pb

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IFullPolicy,
    Limits,
    MindTrackingRealm,
    PingOldest,
    Refuse,
    ReplaceOldest,
    ServerFactory,
    WaitForRoom,
)
from pbrealm.testing import make_portal
from tests.integration.abuse.accounts import Account, Monitor

NAMES = ("alice", "bob", "carol", "mallory", "monitor")
"""The accounts; the password of each is C{secret}."""

POLICIES: dict[str, Callable[..., IFullPolicy]] = {
    "refuse": Refuse,
    "replace": ReplaceOldest,
    "ping": PingOldest,
    "wait": WaitForRoom,
}


def realm_with(
    policy: str, limit: int, seconds: float | None, timeout: float
) -> MindTrackingRealm:
    """Make the realm."""
    make_policy = POLICIES[policy]
    on_full = make_policy() if seconds is None else make_policy(seconds)
    caching = CachingRealm(lambda name: (Monitor if name == "monitor" else Account)(name))
    everybody = AnonymousRealm(caching, DisposableRealm(Account))
    limited = ConnectionLimitedRealm(everybody, limit, on_full=on_full)
    Account.realm = MindTrackingRealm(limited, timeout=timeout)
    return Account.realm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--plain", action="store_true", help="without bounds")
    parser.add_argument("--policy", choices=POLICIES, default="refuse")
    parser.add_argument("--limit", type=int, default=4, help="sessions of an account")
    parser.add_argument("--seconds", type=float, help="the time-out of the policy")
    parser.add_argument("--timeout", type=float, default=30, help="of calls to clients")
    parser.add_argument("--limits", nargs="*", default=[], help="name=number, of pbrealm.Limits")
    options = parser.parse_args()

    passwords = dict.fromkeys(NAMES, "secret")
    realm = realm_with(options.policy, options.limit, options.seconds, options.timeout)
    portal = make_portal(realm, passwords)
    factory: pb.PBServerFactory
    if options.plain:
        factory = pb.PBServerFactory(portal)
    else:
        # Limits refuses a float where it counts.
        limits: dict[str, Any] = {}
        for name, number in (option.split("=") for option in options.limits):
            limits[name] = float(number) if "." in number else int(number)
        factory = ServerFactory(portal, Limits(**limits))

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)

    def listening(port: IListeningPort) -> None:
        address = port.getHost()
        assert isinstance(address, IPv4Address)
        print(f"listening at {address.host}:{address.port}", flush=True)

    # With a shorter queue some of the attackers' connections would wait for a second packet.
    endpoint = TCP4ServerEndpoint(reactor, 0, backlog=4096, interface=options.host)
    endpoint.listen(factory).addCallback(listening)
    reactor.run()


if __name__ == "__main__":
    main()
