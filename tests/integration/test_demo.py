"""
`make demo`: one run to the end, and one that is left running.
"""

import socket

from tests.integration.command_case import CommandTestCase
from tests.integration.processes import ROOT

DEMO = ROOT / "docs" / "demo.py"

LINES = (
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


class DemoTests(CommandTestCase):
    async def test_with_once_it_ends_even_if_its_port_is_in_use(self) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", 8787))
                listener.listen()
            except OSError:
                pass  # Another process uses the port, which serves as well.
            demo = self.start(DEMO, "--once")
            self.assertEqual(await demo.wait(), 0, demo.output)
        for line in ("Port 8787 is taken", *LINES):
            self.assertRegex(demo.output, line)
        self.assertEqual(demo.output.count("goodbye: shutting down (reason 8)"), 5)
        self.assertNotIn("Traceback", demo.output)

    async def test_left_running_it_says_how_to_connect_and_how_to_stop(self) -> None:
        demo = self.start(DEMO, env={"DEMO_ONCE": ""})
        found = await demo.wait_for(r"(?s)still there, at 127\.0\.0\.1:(\d+)\..*:\n\n(.*)\nCtrl-C")
        program = "\n".join(line.removeprefix("    ") for line in found[2].split("\n"))
        client = self.start("-c", program)
        await client.wait()
        self.assertIn("hello alice, this avatar has 1 client\n", client.output)
        await demo.wait_for("login of alice from 127")
        demo.signal("INT")
        await demo.wait()
        self.assertNotIn("Traceback", demo.output)
        with socket.socket() as probe:
            self.assertNotEqual(probe.connect_ex(("127.0.0.1", int(found[1]))), 0)
