"""
A network link that a test can cut.
"""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SkipTest, TestCase

_RANDOM = 0xFFFFF000 + 56
"""Where a program of classic BPF reads a random number: SKF_AD_OFF + SKF_AD_RANDOM."""


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
        test.addCleanup(self.remove)
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

    def restore(self) -> None:
        """Undo L{cut}."""
        self._ip("-n", self.client, "link", "set", self.client, "up")

    def lose(self, share: float) -> None:
        """
        Drop packets at random from now on, in both directions.

        @param share: of the packets that arrive at either end.
        @raise SkipTest: where that is not possible.
        """
        # If a random number of 32 bits isn't less than the share: 0, pass; else 2, drop.  This
        # takes classic BPF, which more kernels have than netem.
        program = f"4,32 0 0 {_RANDOM},53 1 0 {int(share * 2**32)},6 0 0 2,6 0 0 0"
        for name in (self.server, self.client):
            self._tc(name, "qdisc", "add", "dev", name, "clsact")
            self._tc(
                *(name, "filter", "add", "dev", name, "ingress"),
                *("bpf", "direct-action", "bytecode", program),
            )

    def command_prefix(self, name: str) -> list[str]:
        """What a command begins with to run in a namespace."""
        return ["ip", "netns", "exec", name]

    def _ip(self, *arguments: str) -> None:
        _run("network namespaces are not permitted here", "ip", *arguments)

    def _tc(self, name: str, *arguments: str) -> None:
        _run("packets can't be dropped at random here", "tc", "-n", name, *arguments)

    def remove(self) -> None:
        """Remove the namespaces; safe to repeat."""
        for name in (self.server, self.client):
            # The interfaces are removed too.  To delete a missing namespace is no error here.
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _run(problem: str, *command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise SkipTest(f"{problem}: there is no program `{command[0]}`") from None
    except subprocess.CalledProcessError as why:
        raise SkipTest(f"{problem}: {why.stderr.strip()}") from None
