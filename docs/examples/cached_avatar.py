"""
A cached avatar: whoever logs in as alice gets the same avatar, today and tomorrow, on one
connection or on two.

    python docs/examples/cached_avatar.py [ENDPOINT]
    python docs/examples/client.py greet
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class Greeter(pb.Avatar):
    """It counts its greetings, over all the clients that ask for one."""

    def __init__(self, name):
        self.name = name
        self.greetings = 0

    def perspective_greet(self):
        self.greetings += 1
        return f"hello {self.name}, greeting number {self.greetings}"


# A class will do as the avatar factory, or any callable that takes the avatar id.  It may return
# a Deferred or a coroutine; clients that log in meanwhile wait for that one avatar.
realm = CachingRealm(Greeter)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
