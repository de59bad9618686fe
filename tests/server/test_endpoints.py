"""
Endpoint strings.
"""

from typing import Any

from twisted.internet.endpoints import StandardIOEndpoint
from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._command.endpoints import DEFAULT_ENDPOINT
from pbrealm._server.endpoints import parse_endpoint


class BacklogTests(SynchronousTestCase):
    """
    How many clients may wait to be accepted.  A client that overflows the queue waits for ever,
    since the server is to speak first.
    """

    def listened(self, description):
        reactor: Any = MemoryReactorClock()
        parse_endpoint("endpoint", description, reactor).listen(ServerFactory())
        (server,) = reactor.tcpServers + reactor.unixServers
        return server

    def test_default(self):
        port, _, backlog, interface = self.listened(DEFAULT_ENDPOINT)
        self.assertEqual((port, backlog, interface), (8787, 4096, "127.0.0.1"))

    def test_given_endpoints(self):
        for description in ("tcp:8787", "tcp6:8787", "tcp:port=8787:interface=0.0.0.0"):
            self.assertEqual(self.listened(description)[2], 4096)
        self.assertEqual(self.listened("unix:/tmp/pb")[2], 4096)
        self.assertEqual(self.listened("haproxy:tcp:8787")[2], 4096)

    def test_endpoint_without_a_queue(self):
        endpoint = parse_endpoint("endpoint", "stdio:", MemoryReactorClock())
        self.assertIsInstance(endpoint, StandardIOEndpoint)

    def test_given_backlogs(self):
        """By name or by position."""
        for description in ("tcp:8787:backlog=7", "tcp:8787:127.0.0.1:7", "tcp6:8787:7"):
            self.assertEqual(self.listened(description)[2], 7)


class MistakeTests(SynchronousTestCase):
    def assertRefused(self, description, sentence):
        why = self.assertRaises(
            ValueError, parse_endpoint, "endpoint", description, MemoryReactorClock()
        )
        self.assertEqual(str(why), sentence)

    def test_no_endpoint_string(self):
        self.assertRefused(
            "8787",
            "endpoint must be an endpoint string such as tcp:8787, not '8787' "
            "(ValueError: Unknown endpoint type: '8787')",
        )
        self.assertRefused(
            "tcp:1:bogus=2",
            "endpoint must be an endpoint string such as tcp:8787, not 'tcp:1:bogus=2' "
            "(wrong or missing arguments)",
        )

    def test_no_socket_of_the_service_manager(self):
        for place in ("index=0", "name=server.socket"):
            description = f"systemd:domain=INET:{place}"
            self.assertRefused(
                description,
                f"endpoint {description} can't be used: the service manager has passed no such "
                "socket",
            )

    def test_missing_certificate(self):
        self.assertRefused(
            "ssl:8787:privateKey=/no/key.pem",
            "endpoint ssl:8787:privateKey=/no/key.pem can't be used: "
            "FileNotFoundError: [Errno 2] No such file or directory: '/no/key.pem'",
        )
