"""
A Cacheable that keeps its observers in an ObserverSet.

Each client that asks for the scores gets a copy, which follows every change.  PB's introduction
keeps the observers in a list.  That doesn't work: stoppedObserving gets another object than
getStateToCacheAndObserveFor did, and observers of different connections can't be compared.  An
ObserverSet handles both, and drops observers whose connection is lost.

The client has to register a class for the copy:

    class Scores(pb.RemoteCache):
        def observe_scored(self, name, points):
            self.points[name] = points

    pb.setUnjellyableForClass("pbrealm.examples.Scores", Scores)

    python docs/examples/cacheable.py [ENDPOINT]
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ObserverSet, ServerFactory


class Scores(pb.Cacheable):
    def __init__(self):
        self.points = {}
        self.observers = ObserverSet()

    def getTypeToCopy(self):
        # The default is the class's name with its module, which would be __main__ here.
        return b"pbrealm.examples.Scores"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.add(observer)
        return {"points": self.points}

    def stoppedObserving(self, perspective, observer):
        self.observers.discard(observer)

    def add(self, name, points):
        self.points[name] = self.points.get(name, 0) + points
        self.observers.notify("scored", name, self.points[name])


scores = Scores()


class Player(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_scores(self):
        return scores

    def perspective_score(self, points):
        scores.add(self.name, points)

    def perspective_observers(self):
        return len(scores.observers)


realm = CachingRealm(Player)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
