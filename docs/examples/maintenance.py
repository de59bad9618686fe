"""
A realm of your own around those of pbrealm: it refuses logins during maintenance.

MaintenanceRealm subclasses WrappingRealm.  The server calls its admit for each login, after the
password has been checked.  admit raises LoginRefused, or passes the session on to the wrapped
realm.  Alice is the administrator: she begins and ends the maintenance, and can always log in.
Sessions that are open when the maintenance begins go on.

JournalRealm is the outermost realm.  It logs each login and the end of each session.

    python docs/examples/maintenance.py [ENDPOINT]
    python docs/examples/client.py begin_maintenance "'back at ten'"
    python docs/examples/client.py --name bob greet
    python docs/examples/client.py end_maintenance
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, JournalRealm, LoginRefused, ServerFactory, WrappingRealm


class MaintenanceRealm(WrappingRealm):
    """Refuses all logins but an administrator's while there is a notice of maintenance."""

    def __init__(self, realm, administrators):
        super().__init__(realm)
        self.administrators = administrators
        self.notice = None

    async def admit(self, session, interfaces):
        if self.notice is not None and session.avatar_id not in self.administrators:
            raise LoginRefused(f"the server is under maintenance: {self.notice}")
        return await super().admit(session, interfaces)


class User(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_greet(self):
        return f"hello {self.name}"


class Administrator(User):
    def perspective_begin_maintenance(self, notice):
        maintenance.notice = str(notice)

    def perspective_end_maintenance(self):
        maintenance.notice = None


def make_avatar(name):
    return Administrator(name) if name in maintenance.administrators else User(name)


maintenance = MaintenanceRealm(CachingRealm(make_avatar), administrators={"alice"})
realm = JournalRealm(maintenance)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
