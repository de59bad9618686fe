"""
A cached avatar with its set of current clients.

ClientSet is safe where a set of minds isn't (minds can be neither hashed nor compared across
connections), and a client leaves it when its session ends, so there is nothing to do in detached
but to tell the others.

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
        # Those who are here already are told; the newcomer sees them in the list.
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
