"""
A single client for each account; a second login replaces the first.

If the first client's mind has a method remote_goodbye(code, text, reconnect), the server calls it
with (3, "replaced", False).  Later calls through the first client's reference fail with
SessionEnded.  The server then closes its connection, unless there is another login on it.  The
second client stays for ten seconds at least, so that clients which come back by themselves don't
replace each other for ever.

    python docs/examples/single_replace.py [ENDPOINT]
    python docs/examples/client.py --stay steer 90  (twice, at the same time)
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ConnectionLimitedRealm, ReplaceOldest, ServerFactory


class Helm(pb.Avatar):
    def __init__(self, name):
        self.course = 0

    def perspective_steer(self, course):
        self.course = course % 360
        return self.course


realm = ConnectionLimitedRealm(CachingRealm(Helm), limit=1, on_full=ReplaceOldest())

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
