"""
A remote clock: the server periodically tells each client the time.

The server calls the client's mind, the object that the client passes when it logs in.  Each
client can set its own period, so each login gets its own avatar.

    python docs/examples/remote_clock.py [ENDPOINT]
    python docs/examples/client.py --stay setperiod 0.5
"""

import time

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.internet.task import LoopingCall
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import DisposableRealm, IClientAware, LoginRefused, ServerFactory


@implementer(IClientAware)
class Clock(pb.Avatar):
    def __init__(self, name):
        self.session = None
        self.ticking = None

    def attached(self, session):
        if session.mind is None:
            raise LoginRefused("you passed no mind, so the clock can't tell you the time")
        self.session = session
        self.start(1)

    def detached(self, session, reason):
        self.ticking.stop()

    def start(self, period):
        self.ticking = LoopingCall(self.tell_time)
        self.ticking.start(period)

    def tell_time(self):
        told = self.session.notify("notifyTime", time.time())
        # LoopingCall waits for this Deferred, so a client that answers slowly is told the time
        # less often.  The errback keeps a failure from stopping the clock.
        return told.addErrback(lambda why: None)

    def perspective_setperiod(self, period):
        if not isinstance(period, (int, float)) or not 0.01 <= period <= 3600:
            raise pb.Error("the period must be between 0.01 and 3600 seconds")
        self.ticking.stop()
        self.start(period)


realm = DisposableRealm(Clock)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
