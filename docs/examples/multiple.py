"""
Several clients of one avatar: all clients of alice share a console, and each gets the messages
of all.

Notifying a ClientSet never raises.  A client whose connection is dead is dropped from the set.
The report lists the clients that fail or don't answer in time, and the others get the message
anyway.

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
        """Nothing to do: the set drops the session by itself."""

    @inlineCallbacks
    def perspective_say(self, text):
        # All clients share this avatar; the current session tells which of them is calling.
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
