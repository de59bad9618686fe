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
from pbrealm import CachingRealm, ConnectionLimitedRealm, Limits, ReplaceOldest
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer
from tests.avatars import Player
from tests.documents import ROOT, block, blocks, run_block

DOCUMENTS = [
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
]

# What asks for a block.  tests/test_readme.py runs block("README.md", "service.Application(").
ASKED_FOR = re.compile(r'\b(?:run_)?block\(\s*"([^"]+)",\s*"([^"]+)"(?:,\s*"(\w+)")?')


class EachBlockTests(SynchronousTestCase):
    def test_each_block_is_run(self):
        """A test asks for each block of code, and for no block that isn't there."""
        asked_for = {
            (document, block(document, contents, language or "python"))
            for path in ROOT.glob("tests/**/*.py")
            for document, contents, language in ASKED_FOR.findall(path.read_text("utf-8"))
        }
        present = {
            (document, code)
            for document in DOCUMENTS
            for language in ("python", "sh", "ini", "dockerfile")
            for code in blocks(document, language)
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


class AtLeastOnceTests(SynchronousTestCase):
    """
    The pattern of docs/notifications.md.
    """

    def setUp(self):
        customer = run_block("docs/notifications.md", "class Customer")["Customer"]
        base: Any = run_block("docs/notifications.md", "class Mind")["Mind"]

        class Mind(base):
            def __init__(self):
                self.handled: list[int] = []

            def handle(self, message):
                self.handled.append(message)
                if message in self.failing:
                    self.failing.remove(message)
                    raise pb.Error("not now")

            failing: list[int] = []

        caching = CachingRealm(customer)
        realm = ConnectionLimitedRealm(caching, limit=1, on_full=ReplaceOldest(stay=0))
        self.server = MemoryServer(realm, limits=Limits())
        self.mind = Mind()
        self.log_in()
        self.customer = caching.avatars["alice"]

    def log_in(self):
        self.client = self.server.connect()
        self.held = self.client.login("alice", "secret", self.mind)
        self.server.flush()

    def post(self, *messages):
        for message in messages:
            self.customer.post(message)

    def test_connection_lost_with_messages_under_way(self):
        """What wasn't sent, or wasn't answered, arrives once after the next login."""
        self.post(1)
        self.server.flush()
        self.post(2)
        # It arrives, and its answer doesn't.
        self.client.pump()
        self.client.drop()
        self.post(3, 4)
        self.assertEqual(self.mind.handled, [1, 2])
        self.assertEqual(list(self.customer.unanswered.values()), [2, 3, 4])
        self.log_in()
        self.post(5)
        self.server.flush()
        self.assertEqual(self.mind.handled, [1, 2, 3, 4, 5])
        self.assertEqual(self.customer.unanswered, {})

    def test_half_open_connection(self):
        """The keepalive finds it; until then the messages wait."""
        self.client.cut_off()
        self.post(1, 2)
        for _ in range(31):
            self.server.advance(1)
        self.assertIsNone(self.customer.session)
        self.log_in()
        self.assertEqual(self.mind.handled, [1, 2])

    def test_replaced(self):
        """The messages follow the account from one client to the next."""
        first = self.client
        self.client.stop_reading()
        self.post(1, 2)
        self.log_in()
        self.assertFalse(self.customer.session.mind.broker is first.server_broker)
        self.post(3)
        self.server.flush()
        self.assertEqual(self.mind.handled, [1, 2, 3])

    def test_message_that_the_client_cannot_handle(self):
        """It is logged, and comes no second time; those after it are handled."""
        self.mind.failing = [2]
        self.post(2, 3)
        self.server.flush()
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(self.customer.unanswered, {})
        self.client.drop()
        self.log_in()
        self.assertEqual(self.mind.handled, [2, 3])

    def test_new_server(self):
        """A client that has had messages takes those of a new server, whose numbers begin anew."""
        self.post(1, 2, 3)
        self.server.flush()
        mind = self.mind
        self.client.drop()
        self.setUp()
        self.client.drop()
        self.mind = mind
        self.log_in()
        self.post(4)
        self.server.flush()
        self.assertEqual(mind.handled, [1, 2, 3, 4])
