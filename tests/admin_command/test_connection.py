"""
How the command reaches the administration.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command import connection
from pbrealm._admin_command.connection import http_client
from pbrealm._admin_command.exit_status import WrongUsage


class TLSTests(SynchronousTestCase):
    def test_first_twisted(self):
        """Where Twisted can't connect without an address to bind to, that is said."""
        self.patch(connection, "version", lambda name: "24.10.0")
        with self.assertRaises(WrongUsage) as caught:
            http_client(reactor, "tls:localhost:8788:trustRoots=/etc")
        self.assertEqual(
            str(caught.exception),
            "--admin tls:localhost:8788:trustRoots=/etc can't be used with Twisted 24.10.0 "
            "unless bindAddress=0.0.0.0 is added",
        )
        for where in ("tls:localhost:8788:bindAddress=0.0.0.0", "tcp:localhost:8788", "unix:a"):
            http_client(reactor, where)

    def test_later_twisted(self):
        self.patch(connection, "version", lambda name: "24.11.0")
        http_client(reactor, "tls:localhost:8788")
