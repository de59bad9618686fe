"""
The limit: alice may be logged in twice at a time, and so may bob.

The avatar knows nothing of it: one realm finds the avatar, the realm around it counts.  A login
too many is refused after its password was checked, and a place is free again from the moment
that a client logs out or its connection is lost.

    python docs/examples/limited.py [ENDPOINT]
    python docs/examples/client.py --stay greet     (three times, at the same time)
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ConnectionLimitedRealm, ServerFactory


class Greeter(pb.Avatar):
    def __init__(self, name):
        self.name = name
        self.greetings = 0

    def perspective_greet(self):
        self.greetings += 1
        return f"hello {self.name}, greeting number {self.greetings}"


# limit may be a callable too, from avatar id to number; total= bounds all the clients together.
realm = ConnectionLimitedRealm(CachingRealm(Greeter), limit=2)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
