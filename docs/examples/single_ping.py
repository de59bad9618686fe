"""
A single client for each account; a second login replaces the first if the first doesn't answer.

The connection of a machine that was switched off looks alive for hours.  So the server pings the
first client when another one logs in.  If the first client answers, the new login is refused, and
the error says from which address the first client is logged in, and since when.  Any Perspective
Broker client answers pings by itself; it needs neither a method nor a mind for them.

    python docs/examples/single_ping.py [ENDPOINT]
    python docs/examples/client.py --stay steer 90

Suspend that client with Ctrl-Z, so that it doesn't answer, and start another one.
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


# The timeout is in seconds.  Use a longer one for clients on slow networks.
realm = ConnectionLimitedRealm(CachingRealm(Helm), limit=1, on_full=PingOldest(timeout=2))

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
