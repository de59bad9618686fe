"""
`make demo`, to its end and up to where it waits.
"""

import socket
from pathlib import Path

from twisted.internet.task import Clock
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm import CachingRealm, ConnectionLimitedRealm, IClientAware, IFullPolicy
from pbrealm._command.demo import DemoAvatar, DemoPolicy, demo_limit
from pbrealm.testing import MemoryServer, RecordingMind
from tests.integration.processes import ProcessTestCase
from tests.integration.test_command import coroutine

DEMO = Path(__file__).resolve().parent.parent.parent / "docs" / "demo.py"

STORY = (
    r"alice \(1st\) +hello alice, this avatar has 1 client\n",
    r"alice \(2nd\) +hello alice, this avatar has 2 clients\n",
    r"alice \(3rd\) +login refused: alice is logged in already, from 127",
    r"alice \(1st\) +the server's clock ticks: ",
    r"alice \(2nd\) +the server's clock ticks: ",
    r"bob \(1st\) +the server says goodbye: replaced \(reason 3\)",
    r"bob \(1st\) +the connection was closed",
    r"guest \(1\) +hello guest#1, this avatar has 1 client\n",
    r"guest \(2\) +hello guest#2, this avatar has 1 client\n",
    r"mallory +login refused: the name or the password is wrong",
)


class DemoTests(ProcessTestCase):
    @coroutine
    async def test_once(self):
        """It comes to its end, also where the port that it would like is taken."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", 8787))
                listener.listen()
            except OSError:
                pass  # Somebody else has taken it, which is as good.
            demo = self.start(DEMO, "--once")
            self.assertEqual(await demo.ended, 0, demo.output)
        for line in ("Port 8787 is taken", *STORY):
            self.assertRegex(demo.output, line)
        self.assertEqual(demo.output.count("goodbye: shutting down (reason 8)"), 5)
        self.assertNotIn("Traceback", demo.output)

    @coroutine
    async def test_left_running(self):
        """It says how to connect, which is true, and how to stop it, which is too."""
        demo = self.start(DEMO, env={"DEMO_ONCE": ""})
        found = await demo.says(r"(?s)still there, at 127\.0\.0\.1:(\d+)\..*:\n\n(.*)\nCtrl-C")
        program = "\n".join(line.removeprefix("    ") for line in found[2].split("\n"))
        client = self.start("-c", program)
        await client.ended
        self.assertIn("hello alice, this avatar has 1 client\n", client.output)
        await demo.says("login of alice from 127")
        demo.signal("INT")
        await demo.ended
        self.assertNotIn("Traceback", demo.output)
        with socket.socket() as gone:
            self.assertNotEqual(gone.connect_ex(("127.0.0.1", int(found[1]))), 0)


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

    def test_interfaces(self):
        self.assertTrue(verifyObject(IClientAware, DemoAvatar("alice")))
        self.assertTrue(verifyObject(IFullPolicy, DemoPolicy()))

    def test_clock(self):
        """It ticks as long as there is anybody to hear it."""
        self.server.advance(1)
        self.server.advance(1)
        self.assertEqual(self.mind.calls, [("notifyTime", (1.0,)), ("notifyTime", (2.0,))])
        self.client.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_setperiod(self):
        self.call("setperiod", 0.5)
        self.server.advance(0.5)
        self.assertEqual(self.mind.calls, [("notifyTime", (0.5,))])
        for bad in (0, -1, 1e9, "soon", None, float("nan")):
            why = self.assertRaises(pb.RemoteError, self.call, "setperiod", bad)
            self.assertEqual(str(why), "the period must be 0.1 to 3600 seconds")

    def test_whoami(self):
        known = self.call("whoami")
        self.assertEqual(known["avatar_id"], "alice")
        self.assertEqual(known["peer"], "127.0.0.1:50000")
        self.assertEqual(known["since"], "1970-01-01T00:00:00+00:00")

    def test_rules(self):
        """Alice keeps two places, bob's newest login keeps the one."""
        second = self.server.connect()
        held = [second.login("alice", "secret")]
        self.assertEqual(self.call("greet"), "hello alice, this avatar has 2 clients")
        self.assertRaises(pb.RemoteError, self.server.connect().login, "alice", "secret")
        mind = RecordingMind()
        held.append(self.server.connect().login("bob", "secret", mind))
        held.append(self.server.connect().login("bob", "secret"))
        self.assertEqual(mind.goodbyes(), [(3, "replaced", False)])
