"""
One message to many clients: in slices, in order, and the bytes of each.
"""

from typing import Any

from twisted.spread import pb

from pbrealm import ClientSet, ObserverSet
from pbrealm._delivery import broadcast as broadcast_module
from pbrealm._delivery import encoded_call
from pbrealm.testing import RecordingMind
from tests.avatars import Player
from tests.delivery.cases import BroadcastTestCase, Score


class SliceTests(BroadcastTestCase):
    """
    Broadcasts that take more than one round of the reactor: here, any to more than one client.
    """

    def setUp(self):
        self.serve([RecordingMind(number) for number in range(5)])
        self.patch(broadcast_module, "SLICE_SECONDS", -1)
        self.patch(broadcast_module, "_CLOCK_INTERVAL", 1)

    def calls(self):
        return [[method for method, _ in mind.calls] for mind in self.minds]

    def test_yields(self):
        report = self.realm.broadcast("one")
        self.assertEqual(len(self.server.clock.getDelayedCalls()), 1)
        self.server.flush()
        self.assertEqual(self.calls(), [["one"]] * 5)
        self.assertEqual(list(self.successResultOf(report).answered.values()), list(range(5)))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_no_answers(self):
        report = self.realm.broadcast("one", pbanswer=False)
        self.assertNoResult(report)
        self.server.flush()
        self.assertEqual(len(self.successResultOf(report).answered), 5)

    def test_unreadable_answer(self):
        """A client whose answer can't be decoded is disconnected, and reported as gone."""
        report = self.realm.broadcast("one")
        self.server.clock.advance(0)
        client = self.clients[0]
        (request_id,) = client.server_broker.waitingForAnswers
        client.broker.sendCall(b"answer", request_id, [b"of no such type"])
        self.server.flush()
        result = self.successResultOf(report)
        self.assertEqual((result.gone, len(result.answered)), ([self.sessions[0]], 4))

    def test_is_not_overtaken(self):
        """Neither by another broadcast, nor by a notification to one client."""
        self.realm.broadcast("one", pbanswer=False)
        self.sessions[4].notify("two", pbanswer=False)
        self.realm.notify("alice", "three", pbanswer=False)
        self.sessions[3].notify("four", pbanswer=False)
        self.server.flush()
        self.assertEqual(
            self.calls(),
            [
                ["one", "three"],
                ["one", "three"],
                ["one", "three"],
                ["one", "three", "four"],
                ["one", "two", "three"],
            ],
        )

    def test_some_leave_meanwhile(self):
        report = self.realm.broadcast("one")
        self.clients[4].drop()
        self.server.flush()
        self.assertEqual(self.successResultOf(report).gone, [self.sessions[4]])
        self.assertEqual(self.calls(), [["one"]] * 4 + [[]])

    def test_cancel(self):
        """What isn't sent yet is sent; nobody is waited for."""
        report = self.realm.broadcast("one")
        report.cancel()
        self.assertEqual(len(self.successResultOf(report).failed), 5)
        self.server.flush()
        self.assertEqual(self.calls(), [["one"]] * 5)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_the_last_one_has_no_mind(self):
        """If the last client fails at once, the broadcast isn't over twice."""
        self.held.append(self.server.connect().login("alice", "secret"))
        report = self.realm.broadcast("one", pbanswer=False)
        self.server.flush()
        self.assertEqual(len(self.successResultOf(report).failed), 1)

    def test_logged_out_meanwhile(self):
        """Nothing reaches the mind of a session that is over, its connection there or not."""
        other = self.clients[4].login("bob", "secret")
        report = self.realm.broadcast("one")
        del self.held[4]
        self.clients[4].pump()
        self.server.flush()
        self.assertEqual(self.successResultOf(report).gone, [self.sessions[4]])
        self.assertEqual(self.calls()[4], [])
        del other

    def test_one_mind_twice(self):
        clients = ClientSet(clock=self.server.clock)
        clients.add(self.sessions[0])
        clients.add(self.sessions[0].mind)
        clients.notify("one", pbanswer=False)
        self.server.flush()
        self.assertEqual(self.calls()[0], ["one", "one"])


class EncodedOnceTests(BroadcastTestCase):
    def test_plain_data(self):
        """Plain data is encoded once, whatever the number of clients."""
        module: Any = encoded_call
        encode, encoded = module.write_call, []

        def write_call(*call):
            encoded.append(call)
            return encode(*call)

        self.patch(module, "write_call", write_call)
        for number, plain in enumerate((False, True), 1):
            self.serve([RecordingMind() for _ in range(5)], plain)
            self.realm.broadcast("news", {"n": [1, 2]})
            self.server.flush()
            self.assertEqual(len(encoded), number)
            self.assertEqual([len(mind.calls) for mind in self.minds], [1] * 5)


class SameBytesTests(BroadcastTestCase):
    """
    What a broadcast writes is what C{callRemote} would write to each.
    """

    def written(self, plain, call, arguments, answer):
        """What goes to a new client when it's called."""
        self.serve([RecordingMind()], plain)
        call(self)("tell", *arguments, **answer)
        written = b"".join(self.clients[0].server_broker.transport.stream)
        self.server.flush()
        self.assertEqual(len(self.minds[0].calls), 1)
        return written

    def check(self, plain):
        shared = ["news"]
        arguments = (shared, shared, {"n": 1.5, b"k": (None, True)}, 2**70)
        for answer in ({}, {"pbanswer": 0}):
            by_us = self.written(plain, lambda test: test.realm.broadcast, arguments, answer)
            by_pb = self.written(
                plain, lambda test: test.sessions[0].mind.callRemote, arguments, answer
            )
            self.assertEqual(by_us, by_pb)

    def test_under_our_factory(self):
        self.check(plain=False)

    def test_under_plain_pb(self):
        self.check(plain=True)

    def test_observers(self):
        observers = ObserverSet()
        score = Score(observers)
        self.patch(Player, "perspective_object", lambda player: score)
        self.serve([RecordingMind(), RecordingMind()])
        observers._clock = self.server.clock
        self.copies = [
            client.call(reference, "object")
            for client, reference in zip(self.clients, self.held, strict=True)
        ]
        one = self.clients[0].server_broker
        observers.notify("points", 7, pbanswer=0)
        written = b"".join(one.transport.stream)
        one.transport.stream.clear()
        one.currentRequestID -= 1
        first, _ = observers
        first.callRemote("points", 7, pbanswer=0)
        self.assertEqual(written, b"".join(one.transport.stream))
        self.server.flush()
        self.assertEqual([copy.points for copy in self.copies], [7, 7])

    def test_what_means_something_to_each(self):
        """References take the ordinary way, in the same order."""
        self.serve([RecordingMind(), RecordingMind()])
        self.realm.broadcast("one", pbanswer=0)
        self.realm.broadcast("two", pb.Referenceable(), pbanswer=0)
        self.realm.broadcast("three", pbanswer=0)
        self.server.flush()
        for mind in self.minds:
            self.assertEqual([method for method, _ in mind.calls], ["one", "two", "three"])
            self.assertIsInstance(mind.calls[1][1][0], pb.RemoteReference)
