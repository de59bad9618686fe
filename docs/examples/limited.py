"""
A limit on sessions: each account may have two at the same time.

The inner realm finds the avatar, and the realm around it counts the sessions.  A login beyond the
limit is refused after its password has been checked.  A client that logs out or loses its
connection makes room for another one at once.

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


# limit may also be a callable that returns the limit for an avatar id.  total= limits the
# sessions of all accounts together.
realm = ConnectionLimitedRealm(CachingRealm(Greeter), limit=2)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
