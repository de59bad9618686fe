"""
The processes of the abuse tests: the server, and a client that attacks it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.integration.processes import ROOT, Process

MB = 1 << 20


class ServerProcess(Process):
    """
    C{tests.integration.abuse.server}, measured from outside.

    @ivar host: the address that it listens on, after L{wait_until_listening}.
    @ivar port: the port, likewise.
    """

    host = ""
    port = 0

    def __init__(
        self, *arguments: str, limits: Mapping[str, float], prefix: Sequence[str] = ()
    ) -> None:
        """
        Start the server.

        @param arguments: options of the server.
        @param limits: fields of L{pbrealm.Limits}.
        @param prefix: what the command begins with.
        """
        bounds = [f"{name}={number}" for name, number in limits.items()]
        module = "tests.integration.abuse.server"
        command = [*prefix, sys.executable, "-m", module, *arguments, "--limits", *bounds]
        super().__init__(command, ROOT)

    async def wait_until_listening(self) -> None:
        match = await self.wait_for(r"(?m)^listening at ([\d.]+):(\d+)\n", "out")
        self.host, self.port = match[1], int(match[2])

    def cpu(self) -> float:
        """Seconds of CPU that the server has taken."""
        # The fields after the name, which is in parentheses, are in proc(5).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes that are resident now."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """The most bytes that were resident since L{reset_peak_memory}."""
        return self._status("VmHWM")

    def reset_peak_memory(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, field: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
        assert match, status
        return int(match[1]) * 1024

    def open_files(self) -> list[str]:
        """What each open file descriptor refers to; a TCP socket with its remote address."""
        remotes = dict(self._remote_addresses())
        files = []
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except FileNotFoundError:
                continue  # Closed after it was listed.
            files.append(f"{target} {remotes.get(target, '')}".rstrip())
        return sorted(files)

    def _remote_addresses(self) -> Iterator[tuple[str, str]]:
        # The format is in proc(5).
        for line in Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[2].split(":")
            host = socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder))
            yield f"socket:[{fields[9]}]", f"{host}:{int(port, 16)}"


class AttackerProcess(Process):
    """
    C{tests.integration.abuse.attacker}, with one of its attacks.
    """

    def __init__(self, server: ServerProcess, name: str, numbers: Mapping[str, int]) -> None:
        """
        Start the attack.

        @param name: the name of the attack.
        @param numbers: its arguments.
        """
        arguments = [f"{key}={value}" for key, value in numbers.items()]
        module = "tests.integration.abuse.attacker"
        command = [sys.executable, "-m", module, name, server.host, server.port, *arguments]
        super().__init__(command, ROOT)

    async def outcome(self, timeout: float) -> dict[str, int | str]:
        """
        Wait for what the attack prints when it is over.

        @param timeout: seconds to wait.
        """
        outcome: dict[str, int | str] = json.loads(
            (await self.wait_for(r"\A.*\n", "out", timeout))[0]
        )
        return outcome
