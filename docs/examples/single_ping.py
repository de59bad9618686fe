"""
A single client, with a look whether it is still there: a second one is let in if the first
doesn't answer, and else refused, and told who holds the place: who, from which address, since
when.

The connection of a machine that was switched off looks alive for hours.  This server asks for a
sign of life instead, which any Perspective Broker client gives by itself: it needs no method for
that, nor a mind.

    python docs/examples/single_ping.py [ENDPOINT]
    python docs/examples/client.py --stay steer 90

Stop that client with Ctrl-Z, so that it is there but answers nothing, and start another.
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ConnectionLimitedRealm, PingOldest, ServerFactory


class Helm(pb.Avatar):
    def __init__(self, name):
        self.course = 0

    def perspective_steer(self, course):
        self.course = course % 360
        return self.course


# Seconds to answer.  Take more than this where clients are far away.
realm = ConnectionLimitedRealm(CachingRealm(Helm), limit=1, on_full=PingOldest(timeout=2))

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
