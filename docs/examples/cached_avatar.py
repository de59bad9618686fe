"""
A cached avatar.

All clients that log in as alice get the same avatar, at the same time or one after another.

    python docs/examples/cached_avatar.py [ENDPOINT]
    python docs/examples/client.py greet
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class Greeter(pb.Avatar):
    """An avatar that counts the greetings of all its clients."""

    def __init__(self, name):
        self.name = name
        self.greetings = 0

    def perspective_greet(self):
        self.greetings += 1
        return f"hello {self.name}, greeting number {self.greetings}"


# The avatar factory is a class, or another callable that takes the avatar id.  It may return a
# Deferred or a coroutine.  Clients that log in meanwhile wait for the same avatar.
realm = CachingRealm(Greeter)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
