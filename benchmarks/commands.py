"""
Doing in the reactor what the process that started this one says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from benchmarks.processes import say


def run(target: object) -> None:
    """
    Call the methods that lines of C{[name, *args]} name, and say what they come to, until the end
    of the input.
    """

    async def obey() -> None:
        while line := await deferToThread(sys.stdin.readline):
            name, *args = json.loads(line)
            answer: Any = getattr(target, name)(*args)
            say(await answer if isinstance(answer, Awaitable) else answer)

    react(lambda _: Deferred.fromCoroutine(obey()), ())
