"""
Avatars and states that retire when a test says so.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import IRetirable
from pbrealm.testing import MemoryServer
from tests.avatars import Player


class Life:
    """
    What becomes of one avatar or state.

    @ivar events: of all of a test.
    @ivar retiring: fires when it has retired.
    """

    def __init__(self, events: list[str], name: str) -> None:
        self.events = events
        self.name = name
        self.retiring: Deferred[Any] | None = None
        events.append(f"make {name}")

    def retire(self) -> Any:
        if self.retiring is not None:
            raise AssertionError(f"{self.name} is retired again")
        self.events.append(f"retire {self.name}")
        self.retiring = Deferred()
        return self.retiring


@implementer(IRetirable)
class Mortal(Player, Life):
    """An avatar that retires when the test says so."""

    def __init__(self, events: list[str], name: str) -> None:
        Player.__init__(self, name)
        Life.__init__(self, events, name)


@implementer(IRetirable)
class MortalState(Life):
    """A state that retires when the test says so."""


class RetireTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.events: list[str] = []
        self.made: list[Any] = []

    def make(self, name: str, *_: object) -> Mortal:
        self.made.append(Mortal(self.events, name))
        return self.made[-1]

    def make_state(self, name: str) -> MortalState:
        self.made.append(MortalState(self.events, f"{name}'s state"))
        return self.made[-1]

    def serve(self, realm: Any) -> Any:
        self.realm = realm
        self.server = MemoryServer(realm, dict.fromkeys(["alice", "bob", "carol"], "secret"))
        return realm

    def log_in(self, name: str = "alice") -> Any:
        client: Any = self.server.connect()
        client.held = client.login(name, "secret")
        return client

    def start_login(self) -> tuple[Any, Deferred[Any]]:
        client: Any = self.server.connect()
        login = client.start_login("alice", "secret")
        self.server.flush()
        return client, login

    def retired(self, which: int = -1) -> None:
        self.made[which].retiring.callback(None)
        self.server.flush()
