"""
A Cacheable whose observers are kept by an ObserverSet.

Each client that asks for the scores gets one copy, which follows every change from then on.  The
introduction to PB recommends a list for the observers, and a list fails: stoppedObserving gets
another object than the one that was put in, and two observers of different connections can't be
compared.  ObserverSet tells them apart, and drops those whose connection is lost.

The client has to say what it makes of the scores:

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
        # By default it would be the name of this class in its module, which is __main__ here.
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
