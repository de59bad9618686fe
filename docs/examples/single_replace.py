"""
A single client, with replacement: the newcomer takes the helm, the old client is told so, and
its reference is dead.

The client may have a method remote_goodbye(code, text, reconnect) on its mind; it gets
(3, "replaced", False).  Whether it has one or not, each later call through its reference fails
with SessionEnded, and its connection is closed, unless another login of its lives on it.

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
