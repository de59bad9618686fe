"""
The server: C{python -m benchmarks.admin.server} says at which port it serves, and at which its
administration would.  It has that from a line C{true} on, until a line C{false}, and answers each
with the CPU time it has taken.
"""

from __future__ import annotations

import json
import socket
import sys
from time import process_time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from benchmarks.codec.twisted_peers import pb_factories
from benchmarks.processes import say
from pbrealm.admin import AdminService

TOKEN = "token-of-the-benchmark"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


async def main(reactor: Any) -> None:
    factory, _ = pb_factories("pbrealm")
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    admin_port = free_port()
    endpoint = f"tcp:{admin_port}:interface=127.0.0.1"
    admin = AdminService(factory.realm, factory, endpoint, token=TOKEN)
    say((port.getHost().port, admin_port))
    while line := await deferToThread(sys.stdin.readline):
        wanted = json.loads(line)
        if wanted and not admin.running:
            admin.startService()
        elif admin.running and not wanted:
            await admin.stopService()
        assert (factory.meter is not None) is wanted
        say(process_time())


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
