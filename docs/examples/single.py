"""
A single client for each account; a second login is refused.

The error says from which address the first client is logged in, and since when.  The first client
keeps its session until it logs out or its connection is lost.  Compare single_ping.py, which
pings the first client, and single_replace.py, which replaces it.

    python docs/examples/single.py [ENDPOINT]
    python docs/examples/client.py --stay steer 90  (twice, at the same time)
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ConnectionLimitedRealm, Refuse, ServerFactory


class Helm(pb.Avatar):
    def __init__(self, name):
        self.course = 0

    def perspective_steer(self, course):
        self.course = course % 360
        return self.course


# Both limit=1 and Refuse() are the defaults.
realm = ConnectionLimitedRealm(CachingRealm(Helm), limit=1, on_full=Refuse())

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
