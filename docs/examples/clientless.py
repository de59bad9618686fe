"""
An avatar that isn't told of its clients.

The avatar doesn't provide IClientAware.  Any number of clients may set the thermostat and read
it.  The avatar is cached, so it keeps its temperature when all clients have left.

    python docs/examples/clientless.py [ENDPOINT]
    python docs/examples/client.py set 21
    python docs/examples/client.py get
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class Thermostat(pb.Avatar):
    def __init__(self, name):
        self.degrees = 18

    def perspective_set(self, degrees):
        self.degrees = degrees

    def perspective_get(self):
        return self.degrees


realm = CachingRealm(Thermostat)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
