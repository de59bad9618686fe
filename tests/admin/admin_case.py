"""
A server with its administration, in memory.
"""

from __future__ import annotations

from typing import Any

import jsonschema
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.internet.defer import succeed
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, ConnectionLimitedRealm, Limits, MindTrackingRealm
from pbrealm.admin import AdminService
from pbrealm.testing import MemoryServer
from tests.admin.memory_http import HOST, MemoryHTTP, Response


@implementer(IListeningPort)
class MemoryPort:
    """
    What is listened at in memory.
    """

    def __init__(self, address: Any, factory: Any) -> None:
        self.address = address
        self.factory = factory
        self.listening = True

    def getHost(self) -> Any:
        return self.address

    def startListening(self) -> None:
        self.listening = True

    def stopListening(self) -> None:
        self.listening = False


@implementer(IStreamServerEndpoint)
class MemoryEndpoint:
    """
    Listens at an address in memory.
    """

    def __init__(self, address: Any = HOST, wrap: Any = lambda factory: factory) -> None:
        self.address = address
        self.wrap = wrap
        self.port: MemoryPort | None = None

    def listen(self, factory: Any) -> Any:
        self.port = MemoryPort(self.address, self.wrap(factory))
        return succeed(self.port)


class Player(pb.Avatar):
    """
    Does nothing.
    """

    def __init__(self, avatar_id: str) -> None:
        pass


class AdminTestCase(SynchronousTestCase):
    """
    A server that is administrated.
    """

    limits = Limits(login_seconds=0, ping_interval=0, logins=20)
    clock_class = Clock
    token: str | None = None

    def setUp(self) -> None:
        self.clock = self.clock_class()
        self.clock.advance(1_700_000_000)
        self.realm = self.make_realm()
        names = ("alice", "bob", "carol", "<script>", "a/b")
        self.server = MemoryServer(
            self.realm, dict.fromkeys(names, "secret"), clock=self.clock, limits=self.limits
        )
        self.endpoint = MemoryEndpoint()
        self.drained: list[bool] = []
        self.service = AdminService(
            self.realm,
            self.server.factory,  # type: ignore[arg-type]  # it is a ServerFactory
            self.endpoint,
            token=self.token,
            on_drained=lambda: self.drained.append(True),
            reactor=self.clock,
        )
        self.service.startService()
        self.addCleanup(self.service.stopService)
        self.references: list[Any] = []

    def make_realm(self) -> MindTrackingRealm[Any]:
        """The realm that is served."""
        return MindTrackingRealm(ConnectionLimitedRealm(CachingRealm(Player), limit=5))

    def add_account(self, name: str) -> None:
        """Let clients log in by this name, too."""
        root: Any = self.server.factory.root
        root.portal.checkers[IUsernameHashedPassword].addUser(name.encode(), b"secret")

    def log_in(self, name: str = "alice", mind: Any = None) -> Any:
        """Log a client in; its session is the newest."""
        client = self.server.connect()
        self.references.append(client.login(name, "secret", mind))
        return client

    def connect(self) -> MemoryHTTP:
        """Connect to the administration."""
        assert self.endpoint.port is not None
        return MemoryHTTP(self.endpoint.port.factory, self.clock)

    def ask(self, method: str, path: str, body: object = None, **kw: Any) -> Response:
        """Ask over a connection of its own, and check that the answer is as described."""
        connection = self.connect()
        response = connection.ask(method, path, body, **kw)
        connection.lose()
        self.check_described(method, path, response)
        return response

    def get(self, path: str) -> Any:
        """The JSON of a response, which must be 200."""
        response = self.ask("GET", path)
        self.assertEqual(response.status, 200, response.body)
        return response.json

    def check_described(self, method: str, path: str, response: Response) -> None:
        """The description of the API says that there are such responses."""
        description = self.description()
        operation = next(
            operations[method.lower()]
            for pattern, operations in description["paths"].items()
            if method.lower() in operations and _matches(pattern, path.partition("?")[0])
        )
        described = operation["responses"][str(response.status)]["content"]
        kind = response.headers["content-type"]
        self.assertIn(kind, described)
        schema = {**described[kind]["schema"], "components": description["components"]}
        jsonschema.Draft202012Validator(schema).validate(response.json)

    def description(self) -> Any:
        """The OpenAPI description."""
        connection = self.connect()
        response = connection.ask("GET", "/api/openapi.json")
        connection.lose()
        return response.json


def _matches(pattern: str, path: str) -> bool:
    parts = pattern.split("/"), path.split("/")
    return len(parts[0]) == len(parts[1]) and all(
        mine == theirs or mine.startswith("{") for mine, theirs in zip(*parts, strict=True)
    )
