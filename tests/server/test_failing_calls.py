"""
What clients can have logged: each error once in full, and further ones within a budget.
"""

from __future__ import annotations

import gc
import random
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, Limits, MindTrackingRealm
from pbrealm._error_log import LINES_PER_PERIOD, PERIOD
from pbrealm._wire.received_failure import received_failure
from pbrealm.testing import MemoryServer
from tests.logs import log_entries

HOSTILE = "\x1b[31m\r\nfake\u2028\N{PILE OF POO}é"


class Viewed(pb.Viewable):
    def view_one(self, perspective):
        return 1


class Handed(pb.Referenceable):
    def remote_one(self):
        return 1


class Failing(pb.Avatar):
    """An avatar with methods that fail in all ways."""

    def __init__(self, name):
        self.handed = Handed()
        self.viewed = Viewed()

    def perspective_none(self):
        """For too many arguments."""

    def perspective_raise(self, text):
        raise ValueError(text)

    def perspective_later(self, text):
        return fail(ValueError(text))

    async def perspective_coroutine(self, text):
        raise ValueError(text)

    def perspective_deep(self, text, depth=100):
        self.perspective_deep(text, depth - 1) if depth else self.perspective_raise(text)

    def perspective_type_error(self, text):
        return text + 5

    def perspective_unsendable(self, *_):
        return lambda: 1

    def perspective_handed(self):
        return self.handed

    def perspective_viewed(self):
        return self.viewed


class Odd(pb.Copyable):
    """Of a class that no server allows."""


class FailingCallsTests(SynchronousTestCase):
    """
    A client with a login makes calls that fail.
    """

    def setUp(self) -> None:
        self.realm = MindTrackingRealm(CachingRealm(Failing))
        self.server = MemoryServer(self.realm, limits=Limits(ping_interval=0, login_seconds=0))
        self.client = self.server.connect()
        self.held = self.client.login("alice", "secret")
        self.handed, self.viewed = (
            self.client.call(self.held, name) for name in ("handed", "viewed")
        )
        self.entries = log_entries(self)

    def send(self, target: Any, method: str, *args: object, **kw: object) -> None:
        answer = target.callRemote(method, *args, **kw)
        if answer is not None:
            answer.addErrback(lambda _: None)
        self.server.flush()

    def send_jelly(self, args: Any) -> None:
        """Call with jelly that no honest client makes."""
        broker = self.client.broker
        broker.sendCall(
            b"message", broker.newRequestID(), self.held.luid, b"raise", 0, args, [b"dictionary"]
        )
        self.server.flush()

    def calls(self, text: str) -> list[Any]:
        """Functions that make calls, each of which fails in a way of its own."""
        colliding = [b"tuple", [b"set", *((2**61 - 1) * number for number in range(2000))]]
        repeating: Any = [b"reference", 1, [b"list", text.encode()]]
        for number in range(2, 30):
            repeating = [b"reference", number, [b"list", repeating, [b"dereference", number - 1]]]
        calls = []
        for answer in (True, False):
            how = {"pbanswer": answer}
            calls += [
                lambda how=how: self.send(self.held, "none", text, **how),
                lambda how=how: self.send(self.held, "none", **{text: text, **how}),
                lambda how=how: self.send(self.handed, "one", text, **how),
                lambda how=how: self.send(self.viewed, "one", text, **how),
                lambda how=how: self.send(self.held, text, **how),
                lambda how=how: self.send(self.handed, text, **how),
                lambda how=how: self.send(self.viewed, text, **how),
                lambda how=how: self.send(self.held, "raise", text, **how),
                lambda how=how: self.send(self.held, "later", text, **how),
                lambda how=how: self.send(self.held, "coroutine", text, **how),
                lambda how=how: self.send(self.held, "deep", text, **how),
                lambda how=how: self.send(self.held, "type_error", text, **how),
                lambda how=how: self.send(self.held, "unsendable", text, **how),
                lambda how=how: self.send(self.held, "raise", Odd(), **how),
            ]
        return [
            *calls,
            lambda: self.send_jelly([text.encode()]),
            lambda: self.send_jelly([b"tuple", [b"module", text.encode()]]),
            lambda: self.send_jelly([b"tuple", repeating]),
            lambda: self.send_jelly(colliding),
            lambda: self.client.broker.sendCall(b"didNotUnderstand", text.encode()),
        ]

    def test_first_in_full(self):
        """The traceback is there, and tests of programs find it."""
        self.send(self.held, "raise", "once")
        (entry,) = self.entries
        self.assertIn("in perspective_raise", entry)
        self.assertIn("builtins.ValueError: once\n", entry)
        (why,) = self.flushLoggedErrors(ValueError)
        self.assertEqual(str(why.value), "once")
        self.send(self.held, "raise", "twice")
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertIn("ValueError: twice", self.entries[-1])

    def test_every_place(self):
        self.send(self.held, "raise", "x")
        self.send(self.held, "later", "x")
        self.send(self.held, "type_error", "x")
        self.assertEqual(len(self.flushLoggedErrors(ValueError, TypeError)), 3)

    def test_expected_errors_are_not_logged(self):
        """A pb.Error is for the client, whether or not it asks for an answer."""
        self.patch(Failing, "perspective_raise", lambda self, _: fail(pb.Error("no")))
        for answer in (True, False):
            self.send(self.held, "raise", "x", pbanswer=answer)
        gc.collect()
        self.assertEqual(self.entries, [])

    def test_first_is_bounded(self):
        """What a client has sent is escaped and cut also there, and so are the frames."""
        text = HOSTILE * 1000
        for call in self.calls(text):
            call()
        self.server.flush()
        gc.collect()
        for entry in self.entries:
            self.assertLess(len(entry.encode()), 8000, entry)
            self.assertNotRegex(entry, "[\x1b\r\u2028]")
            self.assertNotIn("\nfake", entry)
        self.assertTrue(self.client.connected)
        self.flushLoggedErrors()

    def test_budget(self):
        """Calls that fail in a random order take little of the log each, and at a bounded rate."""
        chooser = random.Random(1)
        for call in self.calls("x"):
            call()
        gc.collect()
        self.flushLoggedErrors()
        self.server.clock.advance(PERIOD)
        del self.entries[:]
        for _ in range(500):
            text = HOSTILE * chooser.choice([1, 10, 1000])
            chooser.choice(self.calls(text))()
        self.server.flush()
        gc.collect()
        self.assertTrue(self.client.connected)
        self.assertEqual(len(self.entries), LINES_PER_PERIOD)
        for entry in self.entries:
            self.assertLessEqual(len(entry.encode()), 200, entry)
            self.assertTrue(entry[:-1].isprintable(), entry)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.server.advance(PERIOD)
        self.assertRegex(
            self.entries[-1], r"\] [34]\d\d more errors of clients were not logged\n$"
        )
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_error_of_another_client(self):
        """Its type and text are those that the other client chose."""
        copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
        copied.setCopyableState(
            {"type": HOSTILE * 100, "value": HOSTILE * 100, "traceback": "", "parents": ["a.B"]}
        )
        why = received_failure(copied)
        self.patch(Failing, "perspective_later", lambda self, _: fail(why))
        for number in range(3):
            copied.type = f"{number}{HOSTILE * 100}".encode()
            with self.assertRaises(pb.RemoteError):
                self.client.call(self.held, "later", "x")
        self.assertEqual(len(self.flushLoggedErrors("a.B")), 1)
        self.assertEqual(len(self.entries), 3)
        for entry in self.entries:
            self.assertLess(len(entry.encode()), 1500)
            self.assertNotRegex(entry, "[\x1b\r\u2028]")
        self.assertLessEqual(len(self.entries[-1].encode()), 200)

    def test_closed(self):
        """A connection that is closed for what came over it takes a bounded entry, too."""
        self.client.broker.sendCall(HOSTILE.encode() * 10000, 1)
        self.server.flush()
        self.assertFalse(self.client.connected)
        (entry,) = self.entries
        self.assertLess(len(entry.encode()), 1000)

    def test_close_logs_the_count(self):
        for _ in range(LINES_PER_PERIOD + 5):
            self.send(self.held, "raise", "x")
        self.flushLoggedErrors(ValueError)
        factory: Any = self.server.factory
        closed: Deferred[None] = factory.close()
        self.server.advance(5)
        self.successResultOf(closed)
        self.assertIn("4 more errors of clients were not logged", "".join(self.entries))
        self.assertEqual(self.server.clock.getDelayedCalls(), [])
