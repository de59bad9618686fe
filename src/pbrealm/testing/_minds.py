"""
Minds that answer, fail, stall or vanish.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm.testing._memory import MemoryClient


class RecordingMind(pb.Referenceable):
    """
    A mind with any method: it records its calls, and answers them.

    @ivar calls: the name and the positional arguments of each call.
    @ivar answer: the answer to every call.
    """

    def __init__(self, answer: object = None) -> None:
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.answer = answer

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: Any) -> Any:
        arguments = broker.unserialize(args)
        self.calls.append((message, tuple(arguments)))
        return broker.serialize(self.respond(message), self.perspective)

    def respond(self, message: str) -> object:
        """The answer to a call; for subclasses."""
        return self.answer

    def goodbyes(self) -> list[tuple[object, ...]]:
        """The arguments of each goodbye: the number of the reason, its text, and C{reconnect}."""
        return [args for message, args in self.calls if message == "goodbye"]


class FailingMind(RecordingMind):
    """A mind whose every method fails with a L{pb.Error}."""

    def respond(self, message: str) -> object:
        raise pb.Error(f"{message} fails")


class StallingMind(RecordingMind):
    """
    A mind that answers only when it is told to.
    """

    def __init__(self, answer: object = None) -> None:
        super().__init__(answer)
        self._stalled: list[Deferred[object]] = []

    def respond(self, message: str) -> Deferred[object]:
        stalled: Deferred[object] = Deferred()
        self._stalled.append(stalled)
        return stalled

    def release(self) -> None:
        """Answer all calls so far."""
        stalled, self._stalled = self._stalled, []
        for deferred in stalled:
            deferred.callback(self.answer)


class VanishingMind(RecordingMind):
    """
    A mind whose client loses its connection instead of answering.

    @ivar client: the client; set it before the first call.
    """

    client: MemoryClient | None = None

    def respond(self, message: str) -> object:
        if self.client is None:
            raise AssertionError("set the client of a VanishingMind before it is called")
        self.client.drop()
        return None
