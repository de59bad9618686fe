"""
The accounts and the listening that the example servers share.

Nothing here is specific to pbrealm.
"""

import sys

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver


def accounts():
    """Make a checker with the accounts alice and bob, both with the password "secret"."""
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name in (b"alice", b"bob"):
        checker.addUser(name, b"secret")
    return checker


def serve(factory, before_stop=None):
    """
    Listen at the endpoint given as an argument, until a signal ends the process.

    When one comes, call before_stop, which may return a Deferred for the process to wait for.
    """
    where = sys.argv[1] if len(sys.argv) > 1 else "tcp:8787:interface=127.0.0.1"
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)

    async def listen(reactor):
        port = await serverFromString(reactor, where).listen(factory)
        if before_stop is not None:
            reactor.addSystemEventTrigger("before", "shutdown", before_stop)
        address = port.getHost()
        print(f"listening at {address.host}:{address.port}", flush=True)
        await Deferred()  # Never fires: the program runs until a signal ends it.

    react(listen)
