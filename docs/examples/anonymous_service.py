"""
Anonymous, for a whole service: nobody needs a name, and each login gets a sheet of its own, which
no other client can touch, and which is gone when the client is.

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
        # guest#1, guest#2, ...
        self.name = name
        self.lines = []

    def perspective_whoami(self):
        return self.name

    def perspective_write(self, line):
        self.lines.append(line)
        return self.lines


guests = DisposableRealm(Sheet)
# The first realm is for those who log in under a name, which nobody can here: the portal has no
# checker for passwords.
realm = AnonymousRealm(guests, guests)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [AllowAnonymousAccess()])))
