"""
The avatars of the abuse tests' server.
"""

from __future__ import annotations

import gc
from typing import ClassVar

from twisted.internet import reactor
from twisted.spread import pb

from pbrealm import ClientSet, MindTrackingRealm, SharedDict


class Counter(pb.Referenceable):
    """
    An object that an avatar hands out.

    @ivar calls: how many calls have reached it.
    """

    calls = 0

    def remote_add(self) -> int:
        self.calls += 1
        return self.calls


class Account(pb.Avatar):
    """
    The avatar of an account, or of a guest.

    @cvar realm: lists the sessions of all accounts.
    """

    realm: ClassVar[MindTrackingRealm]

    def __init__(self, name: str) -> None:
        self.name = name
        self.greetings = 0
        self.counter = Counter()
        self.settings = SharedDict(name)

    def perspective_greet(self) -> str:
        self.greetings += 1
        return f"hello {self.name}"

    def perspective_echo(self, this: object) -> object:
        return this

    def perspective_object(self) -> pb.Referenceable:
        return pb.Referenceable()

    def perspective_greetings(self) -> int:
        return self.greetings

    def perspective_counter(self) -> Counter:
        return self.counter

    def perspective_settings(self) -> SharedDict:
        return self.settings

    def perspective_change(self, times: int, size: int) -> int:
        """
        Change one key of the settings.

        @return: how many clients still have live copies of them.
        """
        for _ in range(times):
            self.settings[b"key"] = b"x" * size
        return len(self.settings._observers)

    def perspective_notify(self, times: int, size: int) -> int:
        """
        Notify the clients of this account, and wait for no answers.

        @return: how many of them still have minds.
        """
        for _ in range(times):
            self.realm.notify(self.name, "news", b"x" * size)
        return sum(session.mind is not None for session in self.realm.sessions(self.name))

    def perspective_call(self, reference: pb.RemoteReference) -> None:
        """Call an object of the client's."""
        minds = ClientSet[pb.RemoteReference]()
        minds.add(reference)
        minds.notify("news", pbanswer=False)
        minds.discard(reference)

    async def perspective_broadcast(self) -> list[object]:
        """
        Notify all clients.

        @return: the seconds until the report came, and the names of those that have answered.
        """
        began = reactor.seconds()
        report = await self.realm.broadcast("news")
        seconds = reactor.seconds() - began
        return [seconds, *sorted(session.avatar_id.encode() for session in report.answered)]

    def perspective_kick(self, name: bytes) -> int:
        """End the sessions of an account."""
        sessions = self.realm.sessions(name.decode())
        for session in sessions:
            session.end()
        return len(sessions)


class Monitor(Account):
    """The avatar of the account that can inspect the server."""

    def perspective_sessions(self) -> list[str]:
        return [session.avatar_id for session in self.realm.sessions()]

    def perspective_collect(self) -> int:
        """Collect garbage, so that the next measurement counts only what is referenced."""
        return gc.collect()
