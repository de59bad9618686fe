"""
From options to the service.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.scripts._twistd_unix import ServerOptions
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, IClientAware, ServerService
from pbrealm._command.cannot_start import CannotStart
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.realm import make_realm
from pbrealm._command.realm_options import RealmOptions
from pbrealm._command.service import CommandService, changes_user, makeService
from pbrealm.errors import StoreLocked
from pbrealm.testing import MemoryServer, RecordingMind
from tests.command.option_cases import parse
from tests.server.test_service import SlowEndpoint


class RecordingStore:
    """
    Remembers how it was called.
    """

    path = "/players.db"

    def __init__(self, problem: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.problem = problem

    def open_blocking(self) -> None:
        self.calls.append("open")
        if self.problem is not None:
            raise self.problem

    def close(self) -> Deferred[None]:
        self.calls.append("close")
        return succeed(None)


class RecordingEndpoint(SlowEndpoint):
    """
    Notes when it's listened at.
    """

    def __init__(self, calls: list[str]) -> None:
        super().__init__()
        self.calls = calls

    def listen(self, factory: Any) -> Deferred[Any]:
        self.calls.append("listen")
        return super().listen(factory)


@implementer(IClientAware)
class SlowLeaver(pb.Avatar):
    """
    Detaches when the test says so.
    """

    def __init__(self, avatar_id: str) -> None:
        pass

    def attached(self, session: Any) -> None:
        self.left: Deferred[None] = Deferred()

    def detached(self, session: Any, reason: Any) -> Deferred[None]:
        return self.left


class StoreTests(SynchronousTestCase):
    """
    The store of a server, from its start to its end.
    """

    def make_service(
        self, store: Any, endpoint: Any, changes_user: bool = False
    ) -> CommandService:
        self.clock = Clock()
        self.realm = CachingRealm(SlowLeaver)
        self.server = MemoryServer(self.realm, clock=self.clock)
        factory: Any = self.server.factory
        return CommandService([endpoint], factory, store, changes_user=changes_user)

    def test_opens_before_clients_come(self):
        """If it can't be used, its problem comes first, and no number for clients."""
        endpoint = SlowEndpoint()
        store = RecordingStore(StoreLocked("/players.db is in use by another process"))
        service = self.make_service(store, endpoint)
        why = self.assertRaises(CannotStart, service.startService)
        self.assertEqual(why.code, "pbrealm: the store is in use by another process: /players.db")
        self.assertFalse(service.running)

    def test_opens_before_it_listens(self):
        """So what is found out about the file is found out before clients can connect."""
        for late, expected in ((False, ["open", "listen"]), (True, ["listen", "open"])):
            store = RecordingStore()
            service = self.make_service(store, RecordingEndpoint(store.calls), late)
            service.privilegedStartService()
            service.startService()
            self.assertEqual(list(dict.fromkeys(store.calls)), expected)

    def test_user_of_the_file(self):
        """With another user, it's opened when the process has become that."""
        for options, expected in (
            ((), False),
            (("--uid", "65534"), True),
            (("--gid", "65534"), True),
        ):
            parent = ServerOptions()
            parent.parseOptions([*options, "pbrealm", "--demo"])
            self.assertEqual(changes_user(parent.subOptions), expected)
        self.assertFalse(changes_user(parse("--demo")))

    def test_closes_when_all_have_left(self):
        store = RecordingStore()
        service = self.make_service(store, SlowEndpoint())
        held = self.server.connect().login("alice", "secret")
        stopped = service.stopService()
        self.server.flush()
        self.assertEqual(store.calls, [])
        self.realm.avatars["alice"].left.callback(None)
        self.server.flush()
        self.successResultOf(stopped)
        self.assertEqual(store.calls, ["close"])
        self.assertTrue(held.broker.disconnected)


class MakeServiceTests(SynchronousTestCase):
    def test_service(self):
        (service,) = makeService(parse("--demo"))
        self.assertIsInstance(service, ServerService)

    def test_goodbye(self):
        """The factory calls the method of the minds that the options name."""
        (service,) = makeService(parse("--demo", "--goodbye", "farewell"))
        server = MemoryServer(CachingRealm(DemoAvatar), clock=Clock(), factory=service.factory)
        mind = RecordingMind()
        held = server.connect().login("alice", "secret", mind)
        self.assertEqual(held.broker.disconnected, 0)
        service.factory.close()
        server.flush()
        self.assertIn(("farewell", (8, "shutting down", True)), mind.calls)

    def test_compose(self):
        """What can't be composed is said, though the options let nothing of it through."""
        self.assertRaises(ValueError, make_realm, RealmOptions())
        self.assertRaises(ValueError, make_realm, RealmOptions(avatar=DemoAvatar, kind="shared"))
