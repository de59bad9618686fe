"""
An avatar that counts its clients.

The avatar provides IClientAware, so it is told of each client that attaches or detaches.  For
each attached there is one detached, however the client leaves: it logs out, it disconnects, or
its connection is lost during the login.

    python docs/examples/connections_counted.py [ENDPOINT]
    python docs/examples/client.py connections
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import CachingRealm, IClientAware, ServerFactory


@implementer(IClientAware)
class Turnstile(pb.Avatar):
    def __init__(self, name):
        self.connections = 0
        self.last_reason = "nobody has left yet"

    def attached(self, session):
        self.connections += 1

    def detached(self, session, reason):
        self.connections -= 1
        self.last_reason = reason.text

    def perspective_connections(self):
        return self.connections

    def perspective_why_the_last_one_left(self):
        return self.last_reason


realm = CachingRealm(Turnstile)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
