"""
Processes that a benchmark starts and commands, a line at a time.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from typing import Any


class Worker:
    """
    A process that runs a module of ours, answers each line of JSON with one, and ends with us.
    """

    def __init__(self, module: str, *args: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> Any:
        """Its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return json.loads(line)

    def tell(self, question: object) -> None:
        """Have it begin; the answer is to be heard."""
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)

    def ask(self, question: object) -> Any:
        """Its answer."""
        self.tell(question)
        return self.hear()

    def cpu_seconds(self) -> float:
        """CPU time it has taken so far (Linux only)."""
        with open(f"/proc/{self._process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def say(answer: object) -> None:
    """A worker's answer."""
    print(json.dumps(answer), flush=True)


def resident() -> int:
    """Bytes of memory that this process has now (Linux only)."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def machine() -> str:
    """What this runs on."""
    model = platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.partition(": ")[2].strip() for line in info if "model name" in line)
    except (OSError, StopIteration):
        pass
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} x {model}, {system}, Python {platform.python_version()}"


def allow_many_files() -> None:
    """Raise the limit on open files, and so on connections, as far as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
