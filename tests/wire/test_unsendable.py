"""
Answers that can't be sent are errors.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly, SecurityOptions, jelly
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm
from pbrealm._wire.unsendable import why_unsendable
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer
from tests.avatars import Player
from tests.wire.objects import Point


@dataclass
class Card:
    """What programs return, thinking that it can be sent."""

    suit: str


class Unregistered(pb.Copyable):
    """A copy that no client knows."""


def generator() -> Iterator[int]:
    """For its result."""
    yield 1


def unsendable() -> list[Any]:
    """Of each kind, by itself and within something else."""
    values: list[Any] = [
        Card("hearts"),
        generator(),
        lambda: 1,
        Card,
        len,
        Card("spades").__eq__,
        datetime,
        object(),
        datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
        b"x" * 700_000,
    ]
    return [2**500, *values, *([1, {"in": (value,)}] for value in values), Point(Card("clubs"))]


class WhyUnsendableTests(SynchronousTestCase):
    def test_what_can_be_sent(self) -> None:
        """Jelly of what peers take, also with words that look like other jelly."""
        sendable: list[Any] = [
            {"unpersistable": 1, b"unpersistable": b"x", b"class": {b"function": 1}},
            [b"class", b"unpersistable"],
            Point([1, {2: 3}]),
            set(),
        ]
        for obj in sendable:
            self.assertIsNone(why_unsendable(jelly(obj), SecurityOptions()))

    def test_classes_that_are_allowed(self) -> None:
        """Where a program allows classes, they are sent."""
        security = SecurityOptions()
        self.assertIsNotNone(why_unsendable([b"class", b"a.b"], security))
        security.allowInstancesOf(Card)
        self.assertIsNone(why_unsendable([b"class", b"a.b"], security))


class UnsendableAnswerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[LogEvent] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            self.events.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.server = MemoryServer(CachingRealm(Player))

    def logged(self) -> list[str]:
        """The errors that were logged, each as one line."""
        errors = [event for event in self.events if event["log_level"].name == "error"]
        self.assertEqual([event for event in errors if "log_failure" in event], [])
        return [formatEvent(event) for event in errors]

    def check(self, factory: pb.PBClientFactory, give: Callable[[Any], Any]) -> None:
        self.patch(Player, "perspective_object", give)
        client = self.server.connect(factory)
        reference = client.login("alice", "secret")
        self.events.clear()
        answer = reference.callRemote("object")
        self.server.flush()
        self.failureResultOf(answer, "twisted.spread.pb.Error", pb.RemoteError, pb.Error)
        (text,) = self.logged()
        self.assertTrue(client.connected)
        self.assertEqual(client.call(reference, "greet")[-5:], "alice")
        self.assertNotIn("\n", text)
        named = "tests." in text or "int is too large" in text
        self.assertTrue(named and text.startswith("the answer of"), text)
        client.drop()
        self.server.flush()

    def test_at_once(self) -> None:
        for factory in (pb.PBClientFactory, ClientFactory):
            for value in unsendable():

                def perspective_object(player: Player, value: Any = value) -> Any:
                    return value

                self.check(factory(), perspective_object)

    def test_later(self) -> None:
        for factory in (pb.PBClientFactory, ClientFactory):
            for value in unsendable():

                async def perspective_object(player: Player, value: Any = value) -> Any:
                    answer: Deferred[None] = Deferred()
                    self.server.clock.callLater(0, answer.callback, None)
                    await answer
                    return value

                self.check(factory(), perspective_object)

    def test_source(self) -> None:
        """The log names the class and the method."""

        def perspective_greet(player: Player) -> Card:
            return Card("hearts")

        self.patch(Player, "perspective_greet", perspective_greet)
        client = self.server.connect()
        reference = client.login("alice", "secret")
        self.events.clear()
        reference.callRemote("greet").addErrback(lambda _: None)
        self.server.flush()
        (text,) = self.logged()
        self.assertIn("tests.avatars.Player.perspective_greet", text)
        self.assertIn("Card", text)

    def test_copy_that_the_client_does_not_know(self) -> None:
        """Our client fails the call, and keeps the connection."""
        self.patch(Player, "perspective_object", lambda player: Unregistered())
        client = self.server.connect(ClientFactory())
        reference = client.login("alice", "secret")
        answer = reference.callRemote("object")
        self.server.flush()
        self.failureResultOf(answer, InsecureJelly)
        self.assertEqual(client.call(reference, "greet")[-5:], "alice")
