"""
A single client, with refusal: while one is at the helm, a second one isn't let in, and is told
who holds the place: who, from which address, since when.

The first client's place is its own until it logs out or its connection is lost.  Compare
single_ping.py, which makes sure that it is still there, and single_replace.py, which makes it go.

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
