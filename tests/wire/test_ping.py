"""
Pings: any peer answers them, and this end decodes no answer but the first.
"""

from __future__ import annotations

from typing import Any

from twisted.python import failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire import framing
from pbrealm._wire.ping import PING_ID, PingAnswer
from tests.wire.objects import Root
from tests.wire.pair import Pair


def peers() -> list[Pair]:
    """A server with the broker under test, and a plain client or a fast one."""
    return [Pair(Root(), fast_client=fast) for fast in (False, True)]


def no_work(*_: object) -> Any:
    raise AssertionError("this is not to be done for a ping")


class PingTests(SynchronousTestCase):
    def answer_to(self, pair: Pair) -> bytes:
        """What the client answers to one ping."""
        self.assertTrue(pair.server.send_ping())
        pair.client.dataReceived(pair.server.transport.value())
        pair.server.transport.clear()
        answer: bytes = pair.client.transport.value()
        pair.client.transport.clear()
        return answer

    def test_answered(self):
        for pair in peers():
            for _ in range(3):
                pings = [pair.server.ping(), pair.server.ping()]
                pair.pump()
                for ping in pings:
                    self.successResultOf(ping)
            self.assertEqual(pair.server.waitingForAnswers, {})
            self.assertEqual(pair.server.buffer, b"")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_nothing_is_decoded(self):
        """The first answer is checked as every message is; the others aren't even scanned."""
        for pair in peers():
            pair.server.unserialize = no_work
            pair.server.dataReceived(self.answer_to(pair))
            scan = self.patch(framing.Scanner, "scan", no_work)
            for _ in range(300):
                pair.server.dataReceived(self.answer_to(pair))
            self.assertEqual(pair.server.buffer, b"")
            scan.restore()

    def test_numbers_of_failures(self):
        """They may have any number of digits, and at last too many for the short way."""
        for pair in peers():
            for count in (0, 126, 127, 16382, 16383, 2**21, 2**28, 2**31 - 2, 2**31, 2**70):
                self.patch(failure, "count", count)
                ping = pair.server.ping()
                pair.pump()
                self.successResultOf(ping)
                self.assertEqual(pair.server.buffer, b"")

    def test_in_pieces(self):
        pair = Pair(Root(), fast_client=False)
        pair.server.dataReceived(self.answer_to(pair))
        answer = self.answer_to(pair)
        for cut in range(1, len(answer)):
            pair.server.dataReceived(answer[:cut])
            ping = pair.server.ping()
            pair.server.transport.clear()
            self.assertNoResult(ping)
            pair.server.dataReceived(answer[cut:] + answer[:5])
            self.successResultOf(ping)
            self.assertEqual(pair.server.buffer, answer[:5])
            pair.server.dataReceived(answer[5:])

    def test_among_calls(self):
        pair = Pair(Root(), fast_client=False)
        for _ in range(3):
            ping = pair.server.ping()
            self.assertEqual(pair.call("echo", 1), [(1,), {}])
            self.successResultOf(ping)

    def test_other_answers(self):
        """Whatever a peer answers with, it has answered."""
        for answer in (
            [b"error", PING_ID, [b"None"]],
            [b"error", PING_ID, [b"no.such.Class", [b"dictionary"]]],
            [b"error", PING_ID, b"\x05\x82count"],
            [b"error", PING_ID, [b"\x05\x82count\x01\x81", b"count", 1]],
            [b"answer", PING_ID, [b"None"]],
        ):
            pair = Pair(Root(), fast_client=False)
            for _ in range(3):
                ping = pair.server.ping()
                pair.client.sendEncoded(answer)
                pair.server.dataReceived(pair.client.transport.value())
                pair.client.transport.clear()
                self.successResultOf(ping)

    def test_another_answer_than_before(self):
        """An answer that only begins as the last one did is checked as every message is."""
        pair = Pair(Root(), fast_client=False)
        answer = self.answer_to(pair)
        pair.server.dataReceived(answer)
        for odd in (answer[:-1] + b"!", answer.replace(b"Traceback", b"tracebacK")):
            ping = pair.server.ping()
            pair.server.dataReceived(odd)
            self.successResultOf(ping)
        with self.assertRaises(NotImplementedError):
            pair.server.dataReceived(answer.replace(b"false", b"fals\xff\xff"))

    def test_answer_to_nothing(self):
        for command in (b"error", b"answer"):
            pair = Pair(Root())
            pair.client.sendCall(command, PING_ID, [b"None"])
            with self.assertRaises(KeyError):
                pair.pump()

    def test_connection_lost(self):
        pair = Pair(Root())
        pings = [pair.server.ping() for _ in range(3)]
        pings[0].addErrback(lambda why: pings[1].cancel() or why)
        pair.close()
        for ping in pings:
            self.assertIsNotNone(self.failureResultOf(ping))
        self.assertFalse(pair.server.send_ping())

    def test_cancelled(self):
        pair = Pair(Root())
        first, second = pair.server.ping(), pair.server.ping()
        first.cancel()
        self.failureResultOf(first)
        pair.pump()
        self.successResultOf(second)

    def test_other_dialect(self):
        """Without the vocabulary, a ping is an ordinary call."""
        pair = Pair(Root(), fast_client=False)
        for broker in (pair.server, pair.client):
            broker.currentDialect = b"none"
        pair.server._configure_codec()
        self.assertFalse(pair.server.send_ping())
        ping = pair.server.ping()
        pair.pump()
        self.failureResultOf(ping, pb.Error)

    def test_before_the_dialect(self):
        pair = Pair(Root())
        pair.server.fast_codec = False
        self.assertFalse(pair.server.send_ping())


class PingAnswerTests(SynchronousTestCase):
    def test_shared(self):
        """Clients with the same version of Twisted share one."""
        answer = b"\x03\x80\x1c\x87\x00\x81" + b"\x02\x80\x05\x82count%b\x81" + b"x" * 500
        self.assertIs(PingAnswer.like(answer % b"\x01"), PingAnswer.like(answer % b"\x02\x03"))

    def test_too_long(self):
        answer = b"\x03\x80\x1c\x87\x00\x81" + b"\x02\x80\x05\x82count\x01\x81" + b"x" * 5000
        self.assertIsNone(PingAnswer.like(answer))
