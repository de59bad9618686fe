"""
A Viewable: an object that all clients share, and that knows which avatar is calling.

There is one notice board.  An avatar returns it to its client, and the client calls it directly.
PB passes the avatar of the calling client as the first argument of the board's view_ methods.  A
client can't pass another avatar, so it can't post in another user's name.

Each login has its own avatar here, so the board also knows the session of the client.

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
        """Nothing to do: the board keeps the name and the port, not the avatar."""

    def perspective_board(self):
        return self.board


board = Board()
realm = DisposableRealm(lambda name: Member(name, board))

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
