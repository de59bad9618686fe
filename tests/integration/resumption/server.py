"""
A server whose clients may come back: C{python -m tests.integration.resumption.server ENDPOINT
[FIELD=NUMBER ...]}, with fields of L{Limits}.

It prints C{listening at ADDRESS:PORT}, and C{ran NUMBER} for each call that it runs.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import DisposableRealm, IClientAware, Limits, ServerFactory
from pbrealm.testing import make_portal


@implementer(IClientAware)
class Worker(pb.Avatar):
    """
    Notifies the client of each call that it runs.
    """

    def __init__(self, name: str) -> None:
        self.session: Any = None

    def attached(self, session: Any) -> None:
        self.session = session

    def detached(self, session: Any, reason: Any) -> None:
        """Nothing is left of it."""

    def perspective_run(self, number: int, padding: bytes) -> tuple[int, bytes]:
        print(f"ran {number}", flush=True)
        self.session.notify("told", number, padding, pbanswer=False)
        return number, padding


async def main(reactor: Any, endpoint: str, *limits: str) -> None:
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    numbers: dict[str, Any] = {}
    for limit in limits:
        name, _, number = limit.partition("=")
        numbers[name] = float(number)
    portal = make_portal(DisposableRealm(Worker), {"alice": "secret"})
    factory = ServerFactory(portal, Limits(**numbers))
    address = (await serverFromString(reactor, endpoint).listen(factory)).getHost()
    print(f"listening at {address.host}:{address.port}", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
