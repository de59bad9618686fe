"""
Anonymous logins for certain accounts.

Alice and bob each have an avatar that is cached: a sheet that keeps its lines.  Each login as
"visitor", with the empty password, is a guest's.  A guest gets a new sheet, which is discarded
after the session, and an avatar id such as guest#1.

    python docs/examples/anonymous_accounts.py [ENDPOINT]
    python docs/examples/client.py --name visitor --password "" write "'a line'"
    python docs/examples/client.py write "'a line'"
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import AnonymousRealm, CachingRealm, DisposableRealm, ServerFactory


class Sheet(pb.Avatar):
    def __init__(self, name):
        self.name = name
        self.lines = []

    def perspective_whoami(self):
        return self.name

    def perspective_write(self, line):
        self.lines.append(line)
        return self.lines


realm = AnonymousRealm(CachingRealm(Sheet), DisposableRealm(Sheet), names={"visitor"})

checker = accounts()
checker.addUser(b"visitor", b"")

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [checker])))
