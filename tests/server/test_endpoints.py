"""
Endpoint strings.
"""

from typing import Any

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

    def test_given_backlogs(self):
        """By name or by position."""
        for description in ("tcp:8787:backlog=7", "tcp:8787:127.0.0.1:7", "tcp6:8787:7"):
            self.assertEqual(self.listened(description)[2], 7)
