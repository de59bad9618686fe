"""
Whatever a client answers with, reports come, and nothing raises.
"""

import gc
from functools import cached_property
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, MindTrackingRealm, Reason
from pbrealm._wire.received_failure import MAX_TEXT, received_failure
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player
from tests.delivery.odd_errors import FAILURE, ODD_ERRORS, forged
from tests.logs import log_entries

ATTRIBUTES = sorted(
    {name for name in dir(pb.CopiedFailure) if name != "postUnjelly"}
    | {"__notes__", "_frames", "captureVars", "count", "frames", "pickled", "stack", "tb"}
)
"""What a failure has; a peer may send a value for each."""


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

    def answer_with(self, error, kind=b"error"):
        """Have the first client answer all that it's asked with this."""
        broker = self.odd.broker

        def answer(find, request_id, *call):
            broker.transport.write(banana.encode([kind, request_id, error]))

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

    def test_coroutines(self):
        """One that awaits the answer gets an error, and goes on, whatever attributes that has."""
        self.serve()
        odd, _ = self.realm.sessions()
        steps = []

        async def ask():
            try:
                await odd.notify("news")
            except pb.RemoteError as why:
                steps.append(str(why))
            finally:
                cleaned: Deferred[None] = Deferred()
                self.server.clock.callLater(1, cleaned.callback, None)
                await cleaned
                steps.append("cleaned")

        for kind in (b"error", b"answer"):
            for name in ATTRIBUTES:
                del steps[:]
                self.answer_with(forged(value=[b"unicode", b"no"], **{name: b"zz"}), kind)
                asking = Deferred.fromCoroutine(ask())
                self.server.advance(1)
                self.assertIsNone(self.successResultOf(asking), name)
                self.assertEqual(steps[1:], ["cleaned"], name)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answers_that_are_failures(self):
        """They are errors, also those that aren't sent as such."""
        for make_factory in (None, pb.PBServerFactory):
            for name, error in ODD_ERRORS.items():
                if not isinstance(error, list) or error[0] != FAILURE:
                    continue
                self.serve(make_factory)
                odd, good = self.realm.sessions()
                self.answer_with(error, b"answer")
                for args in ((), (pb.Referenceable(),)):
                    report = self.realm.broadcast("news", *args)
                    self.server.advance(5)
                    result = self.successResultOf(report)
                    if odd.ended is None:
                        self.assertEqual(list(result.answered), [good], name)
                        self.assertEqual(list(result.failed), [odd], name)
                        self.assertIsInstance(result.failed[odd].getTraceback(), str)
                self.flushLoggedErrors()

    def test_failures_within_answers(self):
        """The program gets them as data, and may raise them."""
        self.serve()
        odd, _ = self.realm.sessions()
        self.answer_with([b"list", forged(throwExceptionIntoGenerator=5, type=6)], b"answer")
        notified = odd.notify("news")
        self.server.flush()
        (why,) = self.successResultOf(notified)
        raised: Deferred[None] = Deferred()

        async def wait():
            await raised

        waiting = Deferred.fromCoroutine(wait())
        raised.errback(why)
        self.failureResultOf(waiting, pb.RemoteError)

    def test_nobody_handles_them(self):
        """Twisted logs them then, also what a coroutine was raised: escaped and cut."""
        long = [b"unicode", "\x1b[31m\r\nfake\u2028é".encode() * 20_000]

        async def ask(session):
            await session.notify("news")

        for ignore in (lambda session: session.notify("news"), ask):
            self.serve()
            odd, _ = self.realm.sessions()
            self.answer_with(forged(type=long, value=long, traceback=long))
            entries = log_entries(self)
            ignored = ignore(odd)
            if ignore is ask:
                ignored = Deferred.fromCoroutine(ignored)
            self.server.flush()
            del ignored
            gc.collect()
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            text = "".join(entries)
            self.assertIn("Unhandled error in Deferred", text)
            self.assertLess(len(text.encode()), 8_000)
            self.assertNotRegex(text, "[\x1b\r\u2028]")
            self.assertNotIn("\nfake", text)

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

    def test_attributes(self):
        """Only those that a failure needs are kept: others may not go to the next client."""
        copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
        copied.setCopyableState(
            {"type": "a.B", "value": "no", "traceback": "at", "parents": ["a.B", "a.A"], "more": 5}
        )
        received: Any = received_failure(copied)
        self.assertEqual(received.check("a.A"), "a.A")
        self.assertEqual((received.type, received.value, received.traceback), (b"a.B", "no", "at"))
        self.assertNotIn("more", vars(received))

    def test_many_parents(self):
        """The names of classes are bounded, in number and length."""
        copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
        parents = ["a.B", "x" * 10_000, *map(str, range(10_000))]
        copied.setCopyableState(
            {"type": "a.B", "value": "no", "traceback": "", "parents": parents}
        )
        received: Any = received_failure(copied)
        self.assertEqual(received.check("a.B"), "a.B")
        self.assertLess(len("".join(received.parents)), 1000)

    def test_moderate_texts(self):
        """They are as they were sent: programs look at them."""
        sent = {"type": "a.B", "value": "a\tb\né" * 500, "traceback": "at\n  é\n" * 300}
        copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
        copied.setCopyableState({**sent, "parents": ["a.B"]})
        received: Any = received_failure(copied)
        self.assertEqual((received.value, received.traceback), (sent["value"], sent["traceback"]))

    def test_long_texts(self):
        """They may be logged, so they are cut: a traceback at its front."""
        copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
        long = "begin" + "x\r" * MAX_TEXT + "end"
        texts = dict.fromkeys(("type", "value", "traceback"), long)
        copied.setCopyableState({**texts, "parents": []})
        # Twice, as where it was part of an answer.
        for _ in range(2):
            received: Any = received_failure(copied)
        kept = (received.type.decode(), received.value, received.traceback)
        self.assertEqual([text[:1] for text in kept], ["b", "b", "…"])
        self.assertEqual([text[-1:] for text in kept], ["…", "…", "d"])
        for text in kept:
            self.assertLess(len(text), MAX_TEXT + 2)
            self.assertTrue(text.isprintable())

    def test_class_of_the_program(self):
        """Further attributes are for the program, unless they would take the place of methods."""

        class WithCode(pb.CopiedFailure):
            limit = 0

            def again(self):
                """One of the program's own."""

            @staticmethod
            def read():
                """Another."""

            @cached_property
            def name(self):
                return "own"

        odd = dict.fromkeys(("trap", "again", "read", "name", "limit", "code"), 5)
        copied: Any = WithCode.__new__(WithCode)
        vars(copied).update(type="a.B", value="no", traceback="", parents=[], **odd)
        received: Any = received_failure(copied)
        self.assertIsInstance(received, WithCode)
        self.assertEqual((received.limit, received.code), (5, 5))
        self.assertEqual(received.name, "own")
        for method in (received.trap, received.again, received.read):
            self.assertTrue(callable(method))

    def test_anything_else(self):
        for odd in (None, 5, b"x", [1]):
            self.assertIsInstance(received_failure(odd).value, pb.Error)
