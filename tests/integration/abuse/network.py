"""
A network link that a test can cut.
"""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SkipTest, TestCase


class Network:
    """
    Two network namespaces, one for the server and one for a client, joined by a pair of virtual
    interfaces.

    @ivar server: the name of the server's namespace and interface.
    @ivar client: the name of the client's.
    """

    SERVER_ADDRESS = "10.213.7.1"
    CLIENT_ADDRESS = "10.213.7.2"

    def __init__(self, test: TestCase) -> None:
        """
        Make the namespaces, until the test is over.

        @raise SkipTest: where that is not possible.
        """
        # The kernel allows interface names of at most 15 characters.
        self.server = f"pbs{os.getpid()}"
        self.client = f"pbc{os.getpid()}"
        test.addCleanup(self._remove)
        for name in (self.server, self.client):
            self._ip("netns", "add", name)
        self._ip(
            *("link", "add", self.server, "netns", self.server, "type", "veth"),
            *("peer", "name", self.client, "netns", self.client),
        )
        for name, address in (
            (self.server, self.SERVER_ADDRESS),
            (self.client, self.CLIENT_ADDRESS),
        ):
            self._ip("-n", name, "address", "add", f"{address}/24", "dev", name)
            self._ip("-n", name, "link", "set", name, "up")
            self._ip("-n", name, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Drop all packets from now on; the kernel does not tell the server's sockets."""
        self._ip("-n", self.client, "link", "set", self.client, "down")

    def command_prefix(self, name: str) -> list[str]:
        """What a command begins with to run in a namespace."""
        return ["ip", "netns", "exec", name]

    def _ip(self, *arguments: str) -> None:
        try:
            subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise SkipTest("there is no program `ip` to make network namespaces with") from None
        except subprocess.CalledProcessError as why:
            raise SkipTest(
                f"network namespaces are not permitted here: {why.stderr.strip()}"
            ) from None

    def _remove(self) -> None:
        for name in (self.server, self.client):
            # The interfaces are removed too.  To delete a missing namespace is no error here.
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
