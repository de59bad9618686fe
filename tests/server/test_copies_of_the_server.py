"""
What the server's copy of something of the client's hands out belongs to the session that it came
through.
"""

from twisted.spread import pb

from pbrealm import Reason, reason_of
from tests.server.revocation_cases import Counter, TransitiveTestCase


class Mirror(pb.Cacheable):
    """Something of the client's, which the server has a copy of."""

    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {}


class Mirrored(pb.RemoteCache):
    """The server's copy: asked by the client, it hands out a counter."""

    counter = Counter()

    def observe_counter(self):
        return self.counter


pb.setUnjellyableForClass(Mirror, Mirrored)


class CopiesOfTheServerTests(TransitiveTestCase):
    """
    The client calls what the server has a live copy of, and was given through a session.
    """

    def setUp(self):
        super().setUp()
        self.avatar.perspective_take = self.avatar.received.append
        mirror = Mirror()
        self.client.call(self.alice, "take", mirror)
        (self.observer,) = mirror.observers

    def test_what_it_hands_out(self):
        counter = self.client.wait(self.observer.callRemote("counter"))
        self.assertEqual(type(counter), pb.RemoteReference)
        self.kick()
        self.assert_revoked(counter, "add")

    def test_id_of_another_type(self):
        """The client may call the object by an id that is only equal to its own."""
        broker = self.observer.broker
        luid = broker.cachedRemotelyAs(self.observer.cached)
        self.patch(broker, "cachedRemotelyAs", lambda *_: float(luid))
        self.test_what_it_hands_out()

    def test_calls_after_the_end(self):
        self.kick()
        with self.assertRaises(pb.RemoteError) as caught:
            self.client.wait(self.observer.callRemote("counter"))
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
