"""
Perspective Broker in memory, for tests of programs that use pbrealm.

A L{MemoryServer} connects a PB server factory and real PB clients in memory, on a
L{Clock<twisted.internet.task.Clock>}::

    class GreetTests(SynchronousTestCase):
        def test_greet(self):
            server = MemoryServer(CachingRealm(Player), {"alice": "secret"})
            alice = server.connect()
            perspective = alice.login("alice", "secret")
            self.assertEqual(alice.call(perspective, "greet"), "hello alice")

L{MemoryClient.login} and L{MemoryClient.call} deliver the bytes and return the answer.  To test
what happens in between, use C{client.factory} and C{callRemote}, and deliver the bytes with
L{MemoryServer.flush}.

A L{MemoryEndpoint} is what a L{LoginService<pbrealm.client.LoginService>} connects to.  Its
network can be cut and restored, and the server killed and restarted.
"""

from pbrealm.testing._memory import UNHURRIED, MemoryClient, MemoryServer, make_portal
from pbrealm.testing._memory_endpoint import MemoryEndpoint
from pbrealm.testing._memory_storage import MemoryStorage
from pbrealm.testing._minds import FailingMind, RecordingMind, StallingMind, VanishingMind
from pbrealm.testing._store_suite import StoreSuite

__all__ = [
    "UNHURRIED",
    "FailingMind",
    "MemoryClient",
    "MemoryEndpoint",
    "MemoryServer",
    "MemoryStorage",
    "RecordingMind",
    "StallingMind",
    "StoreSuite",
    "VanishingMind",
    "make_portal",
]
