"""
The authenticated server, all of it in one place: what serving.py does for the other programs is
spelled out here.

    python docs/examples/authenticated.py [ENDPOINT]
    python docs/examples/client.py --password password getMessage
"""

import sys
import time

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.spread import pb

from pbrealm import DisposableRealm, ServerFactory


class User(pb.Avatar):
    """What somebody who has logged in can do; what isn't named perspective_ can't be called."""

    def __init__(self, name):
        # A str, whatever the checker makes of the name.
        self.name = name

    def perspective_getMessage(self):
        return f"Welcome, {self.name}."

    def perspective_getTime(self):
        return time.ctime()


def make_factory():
    # Who may log in.  The passwords are compared in the form in which PB sends them, an MD5
    # response to a challenge, for which the checker has to know the password itself.
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"alice", b"password")
    checker.addUser(b"bob", b"secret")

    # Whom they become: here a new avatar for each login.
    realm = DisposableRealm(User)

    # The portal brings both together, and the factory serves them.
    return ServerFactory(Portal(realm, [checker]))


async def main(reactor, endpoint="tcp:8787:interface=127.0.0.1"):
    port = await serverFromString(reactor, endpoint).listen(make_factory())
    address = port.getHost()
    print(f"listening at {address.host}:{address.port}", flush=True)
    await Deferred()  # that nothing fires: a signal ends the process


if __name__ == "__main__":
    react(main, sys.argv[1:2])
