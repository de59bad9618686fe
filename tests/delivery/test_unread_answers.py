"""
Answers that their client doesn't read, and its calls that wait for that.
"""

from twisted.internet.defer import Deferred

from pbrealm import Reason
from tests.avatars import Player
from tests.delivery.cases import BIG, BroadcastTestCase


class UnreadAnswerTests(BroadcastTestCase):
    def call_without_reading(self, count):
        """
        Have a client call many times in one packet, and read nothing from then on.

        @return: the calls that the server has handled so far, a list that grows, and the answers
            that the client waits for.
        """
        handled: list[Player] = []

        def later(player: Player) -> bytes:
            handled.append(player)
            return BIG

        self.patch(Player, "perspective_later", later)
        self.serve([None])
        answers = [self.held[0].callRemote("later") for _ in range(count)]
        self.clients[0].stop_reading()
        self.server.flush()
        return handled, answers

    def test_answers_are_bounded(self):
        """The server reads nothing from a client that calls and doesn't read the answers."""
        self.patch(Player, "perspective_later", lambda player: BIG)
        self.serve([None])
        self.clients[0].stop_reading()
        answers = []
        for _ in range(100):
            answers.append(self.held[0].callRemote("later"))
            self.server.flush()
        stream = self.clients[0].server_broker.transport.stream
        self.assertLess(sum(map(len, stream)), 200_000)
        self.clients[0].start_reading()
        self.server.flush()
        self.assertEqual([len(self.successResultOf(answer)) for answer in answers], [40_000] * 100)

    def test_calls_in_one_packet(self):
        """Calls that have been received wait as well until the client takes its answers."""
        handled, answers = self.call_without_reading(200)
        client = self.clients[0]
        self.assertLess(len(handled), 10)
        for _ in range(100):
            self.server.advance(1)
        self.assertLess(len(handled), 10)
        client.start_reading()
        self.server.flush()
        self.assertEqual([len(self.successResultOf(answer)) for answer in answers], [40_000] * 200)
        self.assertEqual(len(handled), 200)

    def test_gone_with_calls_that_wait(self):
        """Calls that wait are dropped with the connection."""
        handled, answers = self.call_without_reading(200)
        client = self.clients[0]
        client.drop()
        self.server.flush()
        self.assertLess(len(handled), 10)
        for answer in answers:
            self.failureResultOf(answer)
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_late_answers_are_bounded(self):
        """Answers that come when the client has stopped reading are bounded all the same."""
        later: list[Deferred[bytes]] = []

        def perspective_later(player: Player) -> Deferred[bytes]:
            later.append(Deferred())
            return later[-1]

        self.patch(Player, "perspective_later", perspective_later)
        self.serve([None], hard_bytes=200_000, soft_bytes=100_000)
        answers = [self.held[0].callRemote("later") for _ in range(100)]
        self.server.flush()
        self.clients[0].stop_reading()
        for answer in later:
            answer.callback(BIG)
            self.assertLess(self.waiting(), 300_000)
        self.assertIs(self.sessions[0].ended, Reason.TOO_SLOW)
        self.server.advance(2)
        self.server.advance(5)
        self.assertFalse(self.clients[0].connected)
        for call in answers:
            self.failureResultOf(call)
