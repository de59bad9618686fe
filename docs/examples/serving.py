"""
What the programs beside this one share: two accounts, and listening.

Neither has to do with pbrealm.
"""

import sys

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver


def accounts():
    """A checker that knows alice and bob, both with the password "secret"."""
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name in (b"alice", b"bob"):
        checker.addUser(name, b"secret")
    return checker


def serve(factory):
    """Listen at the endpoint that the command line names, until a signal ends the process."""
    where = sys.argv[1] if len(sys.argv) > 1 else "tcp:8787:interface=127.0.0.1"
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)

    async def listen(reactor):
        port = await serverFromString(reactor, where).listen(factory)
        address = port.getHost()
        print(f"listening at {address.host}:{address.port}", flush=True)
        await Deferred()  # that nothing fires

    react(listen)
