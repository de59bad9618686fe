"""
Multiple clients: all of alice's clients share one console, and hear what any of them says.

Sending to all never raises: a client that is found dead is dropped, one that fails or doesn't
answer in time is reported, and the others hear it all the same.

    python docs/examples/multiple.py [ENDPOINT]
    python docs/examples/client.py --stay say "'good morning'"  (twice, at the same time)
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.internet.defer import inlineCallbacks
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import CachingRealm, ClientSet, IClientAware, ServerFactory, current_session


@implementer(IClientAware)
class Console(pb.Avatar):
    def __init__(self, name):
        self.name = name
        self.clients = ClientSet(timeout=5)

    def attached(self, session):
        self.clients.add(session)

    def detached(self, session, reason):
        """The session has left the set already, by itself."""

    @inlineCallbacks
    def perspective_say(self, text):
        # The avatar is one for all its clients; the session says which of them is calling.
        speaker = f"{self.name} at port {current_session().peer.port}"
        report = yield self.clients.notify("hear", speaker, text)
        return {
            "heard": len(report.answered),
            "failed": len(report.failed),
            "gone": len(report.gone),
        }


realm = CachingRealm(Console)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
