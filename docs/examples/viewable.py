"""
A Viewable that knows who is calling.

There is one notice board.  An avatar may hand it to its client, who then calls the board itself;
its view_ methods get the avatar of the calling client as their first argument.  Nobody can post
in another's name: whose view it is was settled by the login.

With an avatar for each login, the board knows the very client, by the avatar's session.

    python docs/examples/viewable.py [ENDPOINT]
    python docs/examples/client.py --of board post "'for sale: one bicycle'"
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import DisposableRealm, IClientAware, ServerFactory


class Board(pb.Viewable):
    def __init__(self):
        self.notices = []

    def view_post(self, caller, text):
        self.notices.append({"by": caller.name, "port": caller.session.peer.port, "text": text})

    def view_notices(self, caller):
        return [dict(notice, mine=notice["by"] == caller.name) for notice in self.notices]


@implementer(IClientAware)
class Member(pb.Avatar):
    def __init__(self, name, board):
        self.name = name
        self.board = board
        self.session = None

    def attached(self, session):
        self.session = session

    def detached(self, session, reason):
        """The board keeps the name and the port, not the member: nothing to clean up."""

    def perspective_board(self):
        return self.board


board = Board()
realm = DisposableRealm(lambda name: Member(name, board))

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
