"""
A complete server with authentication, in one file.

The other examples leave accounts and listening to serving.py.

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
    """The avatar.  Its clients can call the methods whose names begin with perspective_."""

    def __init__(self, name):
        # The avatar id is a str, even if the checker returns bytes.
        self.name = name

    def perspective_getMessage(self):
        return f"Welcome, {self.name}."

    def perspective_getTime(self):
        return time.ctime()


def make_factory():
    # The checker decides who may log in.  PB doesn't send the password, but a response to a
    # challenge, made from the password.  To verify it, the checker has to know the password.
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(b"alice", b"password")
    checker.addUser(b"bob", b"secret")

    # The realm decides which avatar a login gets: here, a new one for each login.
    realm = DisposableRealm(User)

    # The portal connects the realm and the checker, and the factory serves the portal.
    return ServerFactory(Portal(realm, [checker]))


async def main(reactor, endpoint="tcp:8787:interface=127.0.0.1"):
    port = await serverFromString(reactor, endpoint).listen(make_factory())
    address = port.getHost()
    print(f"listening at {address.host}:{address.port}", flush=True)
    await Deferred()  # Never fires: the program runs until a signal ends it.


if __name__ == "__main__":
    react(main, sys.argv[1:2])
