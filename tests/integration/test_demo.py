"""
`make demo`: one run to the end, one that is left running, and some that are interrupted.
"""

import os
import signal
import socket
import sys

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.integration.command_case import CommandTestCase
from tests.integration.processes import ROOT

DEMO = ROOT / "docs" / "demo.py"

ANY = ("--port", "0")
"""Another run of the tests may use the port that is the default."""

GREETING = r"hello alice, greeting number \d; this avatar has 1 client\n"

LINES = (
    r"alice \(1st\) +hello alice, greeting number 1; this avatar has 1 client\n",
    r"alice \(2nd\) +hello alice, greeting number 2; this avatar has 2 clients\n",
    r"alice \(3rd\) +login refused: alice is logged in already, from 127",
    r"alice \(1st\) +the server's clock ticks: ",
    r"alice \(2nd\) +the server's clock ticks: ",
    r"bob \(1st\) +the server says goodbye: replaced \(reason 3\)",
    r"bob \(1st\) +the connection was closed",
    r"guest \(1\) +hello guest#1, greeting number 1; this avatar has 1 client\n",
    r"guest \(2\) +hello guest#2, greeting number 1; this avatar has 1 client\n",
    r"mallory +login refused: the name or the password is wrong",
    r"alice \(4th\) +hello alice, greeting number 3; this avatar has 1 client\n",
)


class DemoTests(CommandTestCase):
    async def test_with_once_it_ends_even_if_its_port_is_in_use(self) -> None:
        temporary = os.path.join(self.directory, "temporary")
        os.mkdir(temporary)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            demo = self.start(DEMO, "--once", "--port", port, env={"TMPDIR": temporary})
            self.assertEqual(await demo.wait(), 0, demo.output)
        for line in (f"Port {port} is taken", *LINES):
            self.assertRegex(demo.output, line)
        # The kill closes the connections of the five that are logged in, and one of bob's was
        # closed before; the stop closes that of alice's fourth login.
        self.assertEqual(demo.output.count("the connection was closed\n"), 7)
        self.assertEqual(demo.output.count("goodbye: shutting down (reason 8)"), 1)
        self.assertEqual(os.listdir(temporary), [])
        self.assertNotIn("Traceback", demo.output)

    async def test_left_running_it_says_how_to_connect(self) -> None:
        """The program that it prints can be pasted into a file, and at Python's prompt."""
        demo = self.start(DEMO, *ANY, env={"DEMO_ONCE": ""})
        found = await demo.wait_for(r"(?s)still there, at 127\.0\.0\.1:(\d+)\..*:\n\n(.*)\nCtrl-C")
        client = self.start(self.write("client.py", found[2]))
        await client.wait()
        self.assertRegex(client.output, GREETING)
        prompt = self.start("-i")
        prompt.write(found[2].encode() + b"exit()\n")
        await prompt.wait()
        self.assertRegex(prompt.output, GREETING)
        await demo.wait_for("login of alice from 127")
        demo.signal("INT")
        self.assertEqual(await demo.wait(), 0)
        self.assertIn("The server has stopped.\n", demo.output)
        self.assertNotIn("Traceback", demo.output)
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", int(found[1]))), 0)


class InterruptedTests(CommandTestCase):
    """
    Ctrl-C in a terminal, which sends SIGINT to the demonstration and all programs that it runs.
    """

    async def check_interrupt(self, moment: str) -> None:
        # In a process group of its own, as a shell starts it.
        start = "import os, sys; os.setpgrp(); os.execv(sys.executable, sys.argv[1:])"
        demo = self.start("-c", start, sys.executable, DEMO, *ANY, env={"DEMO_ONCE": ""})
        await demo.wait_for(moment)
        ended = demo.wait()
        # Several times, since programs that are about to start get it at any moment.
        while "has stopped" not in demo.output and demo.status is None:
            os.killpg(demo.pid, signal.SIGINT)
            await deferLater(reactor, 0.02)
        self.assertEqual(await ended, 0, demo.output)
        self.assertRegex(demo.output, r"\nThe server has stopped\.\n$")
        self.assertNotIn("Traceback", demo.output)
        self.assertNotIn("Error", demo.output)

    async def test_while_the_server_starts(self) -> None:
        await self.check_interrupt(r"\$ twistd -n pbrealm")

    async def test_while_clients_start(self) -> None:
        await self.check_interrupt("Alice logs in")

    async def test_while_all_run(self) -> None:
        await self.check_interrupt(LINES[4])

    async def test_when_all_clients_have_left(self) -> None:
        await self.check_interrupt("Ctrl-C stops the server")
