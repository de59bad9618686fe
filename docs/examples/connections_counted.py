"""
Connect and disconnect, counted: an avatar that is told of its clients.

It says so by providing IClientAware.  For each client that attached there is one detaching,
whichever way it left: logged out, hung up, or lost in the middle of its login.

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
