"""
A cached avatar with a set of its current clients.

A plain set of minds doesn't work, since minds of different connections can't be hashed and
compared reliably.  A ClientSet holds sessions (or minds), and drops a session when it ends.  So
detached only has to tell the other clients.

    python docs/examples/current_clients.py [ENDPOINT]
    python docs/examples/client.py --stay clients   (twice, at the same time)
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import CachingRealm, ClientSet, IClientAware, ServerFactory


def address_of(session):
    return f"{session.peer.host}:{session.peer.port}"


@implementer(IClientAware)
class Player(pb.Avatar):
    def __init__(self, name):
        self.clients = ClientSet()

    def attached(self, session):
        # Tell the other clients.  The new client isn't in the set yet.
        self.clients.notify("arrived", address_of(session))
        self.clients.add(session)

    def detached(self, session, reason):
        self.clients.notify("left", address_of(session), reason.text)

    def perspective_clients(self):
        return [
            {"address": address_of(session), "since": session.since.isoformat()}
            for session in self.clients
        ]


realm = CachingRealm(Player)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
