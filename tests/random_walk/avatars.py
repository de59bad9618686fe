"""
Avatars that note what happens to them at a wrong time, and what they fail with.
"""

import asyncio
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pbrealm import IRetirable
from pbrealm.realms._detaching import MAX_WAIT
from tests.avatars import Aware, SlowToAttach


class Boom(Exception):
    """What factories and attaches fail with here."""


KINDS = [Boom, Boom, asyncio.CancelledError, GeneratorExit, SystemExit, KeyboardInterrupt]
"""All that they fail with; most is let through by C{except Exception}."""


class Life:
    """
    One call of a factory, and what becomes of the avatar that it makes.

    @ivar evicted: whether it was evicted while sessions held it, or waited for it.
    @ivar retiring: fires when the avatar has retired; L{None} before that begins.
    @ivar over: whether there is no avatar, or not any more.
    """

    def __init__(self, name):
        self.name = name
        self.evicted = False
        self.retiring: Deferred[Any] | None = None
        self.over = False

    def end(self, result):
        self.over = True
        return result


@implementer(IRetirable)
class Retiring(Aware):
    """
    Retires when the test says so, and notes if it's told to at a wrong time.
    """

    life: Life
    wrong: list[str]

    def busy(self):
        """What keeps it from being retired now."""
        return self.clients

    def retire(self):
        if self.life.retiring is not None:
            self.wrong.append(f"{self.name} is retired twice")
        if self.busy():
            self.wrong.append(f"{self.name} is retired with {self.busy()} on it")
        self.life.retiring = Deferred()
        return self.life.retiring.addBoth(self.life.end)


class Watched(Retiring, SlowToAttach):
    """
    Notes if it attaches while an earlier session of its avatar id is detaching.

    @ivar detached_since: when the sessions of each avatar id began to detach that aren't done.
    """

    def __init__(self, name, clock, detached_since):
        super().__init__(name)
        self.clock = clock
        self.detached_since = detached_since
        self.too_early = []

    def busy(self):
        detaching = [pending for pending in self.detaching if not pending.called]
        return [*self.clients, *self.attaching.calls, *detaching]

    def attached(self, session):
        now = self.clock.seconds()
        for began in self.detached_since[self.name]:
            if now - began < MAX_WAIT:
                self.too_early.append((session, began, now))
        return super().attached(session)

    def detached(self, session, reason):
        began = self.clock.seconds()
        self.detached_since[self.name].append(began)
        pending = super().detached(session, reason)
        pending.addBoth(lambda _: self.detached_since[self.name].remove(began))
        return pending
