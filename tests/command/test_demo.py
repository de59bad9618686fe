"""
The avatar and the limits that C{--demo} serves.
"""

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm import CachingRealm, ConnectionLimitedRealm, IClientAware, IFullPolicy
from pbrealm._command.demo import DemoAvatar, DemoPolicy, demo_avatars, demo_limit
from pbrealm._command.endpoints import DEFAULT_ENDPOINT
from pbrealm.store import Store
from pbrealm.testing import MemoryServer, MemoryStorage, RecordingMind


class DemoAvatarTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.realm = CachingRealm(DemoAvatar, clock=self.clock)
        limited = ConnectionLimitedRealm(self.realm, demo_limit, on_full=DemoPolicy())
        self.server = MemoryServer(limited, clock=self.clock)
        self.client = self.server.connect()
        self.mind = RecordingMind()
        self.perspective = self.client.login("alice", "secret", self.mind)

    def call(self, *call):
        return self.client.call(self.perspective, *call)

    def test_avatar_and_policy_provide_their_interfaces(self) -> None:
        self.assertTrue(verifyObject(IClientAware, DemoAvatar("alice")))
        self.assertTrue(verifyObject(IFullPolicy, DemoPolicy()))

    def test_clock_runs_while_there_are_clients(self) -> None:
        self.server.advance(1)
        self.server.advance(1)
        self.assertEqual(self.mind.calls, [("notifyTime", (1.0,)), ("notifyTime", (2.0,))])
        self.client.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_setperiod_takes_a_tenth_of_a_second_to_an_hour(self) -> None:
        self.call("setperiod", 0.5)
        self.server.advance(0.5)
        self.assertEqual(self.mind.calls, [("notifyTime", (0.5,))])
        for bad in (0, -1, 1e9, "soon", None, float("nan")):
            why = self.assertRaises(pb.RemoteError, self.call, "setperiod", bad)
            self.assertEqual(str(why), "the period must be 0.1 to 3600 seconds")

    def test_whoami_describes_the_session(self) -> None:
        known = self.call("whoami")
        self.assertEqual(known["avatar_id"], "alice")
        self.assertEqual(known["peer"], "127.0.0.1:50000")
        self.assertEqual(known["since"], "1970-01-01T00:00:00+00:00")

    def test_alice_may_have_two_sessions_and_bob_s_newest_replaces_the_one(self) -> None:
        second = self.server.connect()
        held = [second.login("alice", "secret")]
        self.assertEqual(
            self.call("greet"), "hello alice, greeting number 1; this avatar has 2 clients"
        )
        self.assertRaises(pb.RemoteError, self.server.connect().login, "alice", "secret")
        mind = RecordingMind()
        held.append(self.server.connect().login("bob", "secret", mind))
        held.append(self.server.connect().login("bob", "secret"))
        self.assertEqual(mind.goodbyes(), [(3, "replaced", False)])

    def test_greetings_are_counted_in_the_store(self) -> None:
        """A later process goes on with the count."""
        storage = MemoryStorage()
        for number in (1, 2):
            clock = Clock()
            make = demo_avatars(Store(storage, clock=clock))
            server = MemoryServer(CachingRealm(make), clock=clock)
            client = server.connect()
            perspective = client.login("alice", "secret")
            said = f"hello alice, greeting number {number}; this avatar has 1 client"
            self.assertEqual(client.call(perspective, "greet"), said)


class DefaultEndpointTests(SynchronousTestCase):
    def test_by_default_only_this_machine_can_connect(self) -> None:
        self.assertEqual(DEFAULT_ENDPOINT, "tcp:8787:interface=127.0.0.1")
