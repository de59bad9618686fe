"""
A Copyable: a hand of cards that is sent by value, and shows its cards to nobody but its owner.

getStateToCopyFor is told which avatar the copy is for.  The client has to say what it makes of a
hand, or its PB refuses the copy:

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
        # By default it would be the name of this class in its module, which is __main__ here.
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
