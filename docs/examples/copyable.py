"""
A Copyable whose copies differ by client: a hand of cards that only its owner can see.

getStateToCopyFor gets the avatar of the client that the copy is for.  The client has to register
a class for the copy; otherwise its PB refuses the copy:

    class Hand(pb.RemoteCopy):
        pass

    pb.setUnjellyableForClass("pbrealm.examples.Hand", Hand)

    python docs/examples/copyable.py [ENDPOINT]
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class Hand(pb.Copyable):
    def __init__(self, owner, cards):
        self.owner = owner
        self.cards = cards

    def getTypeToCopy(self):
        # The default is the class's name with its module, which would be __main__ here.
        return b"pbrealm.examples.Hand"

    def getStateToCopyFor(self, perspective):
        cards = self.cards if perspective.name == self.owner else ["?"] * len(self.cards)
        return {"owner": self.owner, "cards": cards}


hands = {"alice": Hand("alice", ["D7", "HQ"]), "bob": Hand("bob", ["S2", "C9", "DA"])}


class Player(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_hands(self):
        return list(hands.values())


realm = CachingRealm(Player)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
