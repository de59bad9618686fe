"""
Anonymous logins for a whole service.

Clients need no account.  Each login gets an avatar of its own: a sheet that no other client can
access, and that is discarded when the client leaves.

    python docs/examples/anonymous_service.py [ENDPOINT]
    python docs/examples/client.py --anonymous write "'a line'"
"""

from serving import serve
from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import AnonymousRealm, DisposableRealm, ServerFactory


class Sheet(pb.Avatar):
    def __init__(self, name):
        # The avatar id: guest#1, guest#2, ...
        self.name = name
        self.lines = []

    def perspective_whoami(self):
        return self.name

    def perspective_write(self, line):
        self.lines.append(line)
        return self.lines


guests = DisposableRealm(Sheet)
# The first argument is the realm for clients that log in with a name.  No client can do that
# here, since the portal has no checker for passwords.
realm = AnonymousRealm(guests, guests)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [AllowAnonymousAccess()])))
