"""
Avatars whose calls change a stored state, and clients, for the tests of what waits for that.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, Limits, MindTrackingRealm, SharedStateRealm, current_session
from pbrealm.errors import SaveFailed
from pbrealm.store import Store
from pbrealm.testing import MemoryServer, MemoryStorage, RecordingMind, make_portal


class Reader(pb.Referenceable):
    def __init__(self, state: Any) -> None:
        self.state = state

    def remote_set(self, key: Any, value: Any) -> int:
        self.state[key] = value
        return 7


class Shown(pb.Copyable):
    def __init__(self, value: Any) -> None:
        self.value = value


class ShownCopy(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass(Shown, ShownCopy)


class Player(pb.Avatar):
    def __init__(self, name: str, state: Any) -> None:
        self.name = name
        self.state = state
        self.wait: Deferred[None] = Deferred()
        self.reader = Reader(state)
        self.items = [1]

    def perspective_echo(self, value: Any) -> Any:
        return value

    def perspective_set(self, key: Any, value: Any) -> Any:
        self.state[key] = value
        return value

    def perspective_fail(self, key: Any) -> None:
        self.state[key] = 1
        raise pb.Error("no")

    def perspective_get(self, key: Any) -> Any:
        return self.state.get(key)

    def perspective_count(self) -> int:
        return len(self.state)

    def perspective_all(self) -> Any:
        return sorted(self.state)

    def perspective_list(self, value: Any) -> Any:
        self.state["list"] = value
        return self.items

    def perspective_shown(self, value: Any) -> Any:
        self.state["shown"] = value
        return Shown(value)

    def perspective_copy(self, value: Any) -> Any:
        self.state["copied"] = value
        return self.state

    def perspective_reader(self) -> Any:
        return self.reader

    async def perspective_later(self, key: Any) -> str:
        await self.wait
        self.state[key] = 1
        return "done"

    @inlineCallbacks
    def perspective_generator(self, key: Any) -> Any:
        yield self.wait
        self.state[key] = 1
        return "done"

    def perspective_deferred(self, key: Any) -> Any:
        self.state[key] = 1
        return self.wait.addCallback(lambda _: "done")

    async def perspective_saved(self, key: Any) -> str:
        self.state[key] = 1
        try:
            await self.state.saved()
        except SaveFailed:
            return "not saved"
        return "saved"

    async def perspective_overwritten(self, key: Any) -> str:
        self.state[key] = 1
        await self.wait
        return "done"

    def perspective_tell(self, *what: Any) -> None:
        self.state["told"] = what
        session: Any = current_session()
        session.notify("told", *what)

    def perspective_call(self, method: Any, *what: Any) -> None:
        self.state["told"] = 1
        session: Any = current_session()
        session.mind.callRemote(*method, *what)

    def perspective_call_only(self, *what: Any) -> None:
        session: Any = current_session()
        session.mind.callRemote("told", *what)

    def perspective_call_back(self, callback: Any) -> None:
        self.state["told"] = 1
        callback.callRemote("told", 1).addErrback(lambda _: None)

    def perspective_call_without_answer(self, *what: Any) -> Any:
        self.state["told"] = what
        session: Any = current_session()
        return session.mind.callRemote("told", *what, pbanswer=False)

    def perspective_tell_only(self, *what: Any) -> None:
        session: Any = current_session()
        session.notify("told", *what)

    def perspective_tell_without_answer(self, *what: Any) -> None:
        self.state["told"] = what
        session: Any = current_session()
        session.notify("told", *what, pbanswer=False)


class AnswersTestCase(SynchronousTestCase):
    """
    A client whose calls change a stored state, and a storage that is slow.
    """

    plain = False
    backlog: Backlog | None = None
    store: Any

    def setUp(self) -> None:
        self.storage = MemoryStorage()
        self.realm = MindTrackingRealm(
            SharedStateRealm(Player, lambda name: self.store.load(name))
        )
        users = {"alice": "s", "bob": "s"}
        factory = pb.PBServerFactory(make_portal(self.realm, users)) if self.plain else None
        limits = None if self.plain else Limits(ping_interval=10, ping_timeout=5)
        self.server = MemoryServer(
            self.realm, users, limits=limits, backlog=self.backlog, factory=factory
        )
        self.store = Store(self.storage, clock=self.server.clock)
        self.mind = RecordingMind()
        self.client = self.server.connect()
        self.alice = self.client.login("alice", "s", self.mind)
        self.storage.hold()

    def tearDown(self) -> None:
        # What nobody has handled is logged now, and not in a later test.
        gc.collect()

    def start(self, method: str, *args: Any, reference: Any = None) -> Deferred[Any]:
        """Call a method, whose changes are being written then."""
        answer: Deferred[Any] = (reference or self.alice).callRemote(method, *args)
        self.server.advance(0)
        return answer

    def save(self, why: str | None = None) -> None:
        """Finish what is being written; if there is a reason, it fails."""
        self.storage.broken = why
        self.assertTrue(self.storage.release_one())
        self.storage.broken = None
        self.server.flush()

    def fails(self, answer: Deferred[Any]) -> str:
        """Check that an answer has failed since its changes weren't saved."""
        why = self.failureResultOf(answer)
        self.assertTrue(why.check("pbrealm.errors.SaveFailed"), why)
        return why.getErrorMessage()

    def told(self) -> list[Any]:
        """What the client was told."""
        return [args for method, args in self.mind.calls if method == "told"]
