"""
The code in the documents, as far as it needs no sockets.
"""

import re
from typing import Any

from twisted.cred.credentials import Anonymous
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase

import pbrealm
from pbrealm import CachingRealm, Limits
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer
from tests.avatars import Player
from tests.documents import ROOT, block, blocks, run_block

DOCUMENTS = [
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
]

# What asks for a block.  tests/test_readme.py runs block("README.md", "service.Application(").
ASKED_FOR = re.compile(r'\b(?:run_)?block\(\s*"([^"]+)",\s*"([^"]+)"')


class EachBlockTests(SynchronousTestCase):
    def test_each_block_is_run(self):
        """A test asks for each block of Python, and for no block that isn't there."""
        asked_for = {
            (document, block(document, contents))
            for path in ROOT.glob("tests/**/*.py")
            for document, contents in ASKED_FOR.findall(path.read_text("utf-8"))
        }
        present = {
            (document, code) for document in DOCUMENTS for code in blocks(document, "python")
        }
        self.assertEqual(present - asked_for, set())
        self.assertEqual(asked_for - present, set())


class ReadmeTests(SynchronousTestCase):
    def test_realm_of_your_own(self):
        """Logins are refused until the maintenance is over."""
        realm = run_block("README.md", "class MaintenanceRealm", vars(pbrealm))[
            "MaintenanceRealm"
        ](CachingRealm(Player))
        server = MemoryServer(realm)
        client = server.connect()
        realm.notice = "back at ten"
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("alice", "secret")
        self.assertEqual(
            str(caught.exception), "the server is under maintenance: back at ten (reason 4)"
        )
        realm.notice = None
        client.login("alice", "secret")

    def test_test(self):
        """The test that the README shows is one, and passes."""
        names = {
            "SynchronousTestCase": SynchronousTestCase,
            "MemoryServer": MemoryServer,
            **run_block("README.md", "service.Application("),
        }
        case = run_block("README.md", "class GreetTests", names)["GreetTests"]("test_greet")
        result = TestResult()
        case.run(result)
        self.assertEqual((result.testsRun, len(result.errors), len(result.failures)), (1, 0, 0))


class ClientTests(SynchronousTestCase):
    """
    The broker of the client in docs/clients.md.
    """

    def connect(self, server: MemoryServer, broker: Any, factory: Any = None) -> Any:
        factory = factory or pb.PBClientFactory()
        factory.protocol = broker
        broker.callLater = server.clock.callLater
        return server.connect(factory)

    def broker(self) -> Any:
        return run_block("docs/clients.md", "class Client(pb.Referenceable)")["Broker"]

    def test_server_that_is_gone(self):
        """The connection is aborted if nothing comes for a minute."""
        server = MemoryServer(CachingRealm(Player), limits=Limits())
        client = self.connect(server, self.broker())
        reference = client.login("alice", "secret")
        for _ in range(600):
            server.advance(1)
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")
        client.cut_off()
        for _ in range(59):
            server.advance(1)
        self.assertFalse(client.broker.disconnected)
        for _ in range(2):
            server.advance(1)
        self.assertTrue(client.broker.disconnected)

    def test_connection_lost_before_the_login(self):
        """A login that waits for the server's first words fails with the connection."""
        factory = pb.PBClientFactory()
        factory.protocol = self.broker()
        login = factory.login(Anonymous())
        broker = factory.buildProtocol(None)
        broker.connectionLost(Failure(ConnectionError()))
        self.failureResultOf(login, ConnectionError)

    def test_faster(self):
        names = {"TimeoutMixin": run_block("docs/clients.md", "class Client(")["TimeoutMixin"]}
        server = MemoryServer(CachingRealm(Player))
        names = run_block("docs/clients.md", "ClientFactory.protocol", names)
        client = self.connect(server, names["Broker"], ClientFactory())
        reference = client.login("alice", "secret")
        self.assertEqual(client.call(reference, "greet"), "<1>hello alice")
