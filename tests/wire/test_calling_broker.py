"""
The answers to a broker's calls that nobody waits for, or that can't be read.
"""

from __future__ import annotations

from twisted.spread import pb
from twisted.spread.banana import BananaError
from twisted.spread.jelly import InsecureJelly
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.pair import Pair


class AbandonedAnswersTests(SynchronousTestCase):
    """
    Answers that nobody waits for any more.
    """

    def test_nothing_is_kept(self) -> None:
        pair = Pair(pb.Root())
        answer = pair.client.remoteForName("nobody").callRemote("anything")
        answer.addErrback(lambda _: None)
        answer.cancel()
        self.assertEqual(pair.client.waitingForAnswers, {})
        # The answer comes now.
        pair.pump()
        self.assertEqual(pair.client.waitingForAnswers, {})

    def test_answer_to_no_question(self) -> None:
        pair = Pair(pb.Root())
        pair.server.sendCall(b"answer", 9, 1)
        self.assertRaises(KeyError, pair.pump)

    def test_answer_that_cannot_be_read(self) -> None:
        """The waiting Deferred fails when the connection is closed for it."""
        pair = Pair(pb.Root())
        answer = pair.server.remoteForName("nobody").callRemote("anything")
        pair.server.transport.clear()
        pair.client.sendCall(b"answer", 1, [b"no.such.Class", 1])
        self.assertRaises(InsecureJelly, pair.pump)
        self.assertNoResult(answer)
        pair.close()
        self.failureResultOf(answer, pb.PBConnectionLost)

    def test_answer_of_an_unknown_class(self) -> None:
        """At the client, the waiting Deferred fails, and the connection stays."""
        pair = Pair(pb.Root())
        answer = pair.client.remoteForName("nobody").callRemote("anything")
        pair.client.transport.clear()
        pair.server.sendCall(b"answer", 1, [b"no.such.Class", 1])
        pair.pump()
        self.failureResultOf(answer, InsecureJelly)


class CallsThatCannotBeSentTests(SynchronousTestCase):
    """
    Arguments that banana can't encode.
    """

    def test_nothing_awaits_an_answer(self) -> None:
        pair = Pair(pb.Root())
        for broker in (pair.client, pair.server):
            nobody = broker.remoteForName("nobody")
            earlier = nobody.callRemote("anything")
            awaited = dict(broker.waitingForAnswers)
            self.assertRaises(BananaError, nobody.callRemote, "anything", 10**4000)
            self.assertEqual(broker.waitingForAnswers, awaited)
            # The connection goes on.
            pair.pump()
            self.failureResultOf(earlier)
            self.assertEqual(broker.waitingForAnswers, {})

    def test_call_on_a_lost_connection(self) -> None:
        pair = Pair(pb.Root())
        nobody = pair.client.remoteForName("nobody")
        pair.close()
        self.assertRaises(pb.DeadReferenceError, nobody.callRemote, "anything", 10**4000)
