"""
Whatever a client answers with, reports come, and nothing raises.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, MindTrackingRealm, Reason
from pbrealm._wire.received_failure import received_failure
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player

FAILURE = b"twisted.spread.pb.CopyableFailure"


def forged(**attributes):
    """The jelly of a failure with these attributes."""
    state = {
        "type": b"builtins.ValueError",
        "value": [b"unicode", b"no"],
        "traceback": [b"unicode", b""],
        "parents": [b"list", b"builtins.ValueError"],
        **attributes,
    }
    pairs = [[[b"unicode", name.encode()], value] for name, value in state.items()]
    return [FAILURE, [b"dictionary", *pairs]]


ODD_ERRORS = {
    "nothing": [b"None"],
    "a number": 5,
    "bytes": b"error",
    "a list": [b"list", 1, 2],
    "parents that are a number": forged(parents=5),
    "parents that are numbers": forged(parents=[b"list", 1, [b"list"]]),
    "the parents of a lost connection": forged(
        parents=[b"list", b"twisted.spread.pb.PBConnectionLost"]
    ),
    "a type that is a number": forged(type=7),
    "a value that is a list": forged(value=[b"list", 1]),
    "frames": forged(frames=[b"list", 1], stack=3, traceback=4),
}


class OddAnswerTests(SynchronousTestCase):
    def serve(self, make_factory=None):
        self.realm = MindTrackingRealm(CachingRealm(Player, clock=Clock()), timeout=5)
        passwords = {"alice": "secret", "bob": "secret"}
        factory = make_factory and make_factory(make_portal(self.realm, passwords))
        self.server = MemoryServer(self.realm, passwords, factory=factory)
        self.odd = self.server.connect()
        self.held = [self.odd.login("alice", "secret", RecordingMind())]
        self.good = self.server.connect()
        self.held.append(self.good.login("bob", "secret", RecordingMind("fine")))

    def answer_with(self, error):
        """Have the first client answer all that it's asked with this."""
        broker = self.odd.broker

        def answer(find, request_id, *call):
            broker.transport.write(banana.encode([b"error", request_id, error]))

        broker._recvMessage = answer

    def test_report(self):
        for make_factory in (None, pb.PBServerFactory):
            for name, error in ODD_ERRORS.items():
                self.serve(make_factory)
                odd, good = self.realm.sessions()
                self.answer_with(error)
                report = self.realm.broadcast("news")
                self.server.flush()
                self.server.advance(5)
                result = self.successResultOf(report)
                self.assertEqual(list(result.answered), [good], name)
                if odd.ended is None:
                    self.assertEqual((list(result.failed), result.gone), ([odd], []), name)
                self.flushLoggedErrors()

    def test_notify_and_ping(self):
        for name, error in ODD_ERRORS.items():
            self.serve()
            odd, _ = self.realm.sessions()
            self.answer_with(error)
            notified = odd.notify("news")
            alive = odd.is_alive(1)
            self.server.flush()
            why = self.failureResultOf(notified)
            why.check(ValueError)
            self.assertIsInstance(str(why) + why.getErrorMessage() + why.getTraceback(), str)
            self.assertEqual(self.successResultOf(alive), True, name)
            self.assertIsNone(odd.ended, name)
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_end(self):
        """The goodbye's answer may be anything, too."""
        for name, error in ODD_ERRORS.items():
            self.serve()
            odd, _ = self.realm.sessions()
            self.answer_with(error)
            ended = odd.end(Reason.KICKED)
            self.server.advance(3)
            self.successResultOf(ended)
            self.assertFalse(self.odd.connected, name)


class ReceivedFailureTests(SynchronousTestCase):
    def test_failures_of_our_own(self):
        failure = Failure(ValueError())
        self.assertIs(received_failure(failure), failure)
        error = pb.Error("no")
        self.assertIs(received_failure(error).value, error)

    def test_passed_on(self):
        """Whatever its attributes, it can be sent to the next client."""
        for kind in ("a.B", b"a.B", b"\xff", 5, None):
            copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
            vars(copied).update(type=kind, value="x", parents=["a.B"])
            received = received_failure(copied)
            self.assertIsInstance(received.getTraceback(), str)
            state: Any = pb.failure2Copyable(received).getStateToCopy()
            self.assertIsInstance(state["type"], bytes)

    def test_anything_else(self):
        for odd in (None, 5, b"x", [1]):
            self.assertIsInstance(received_failure(odd).value, pb.Error)
