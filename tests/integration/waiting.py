"""
Waiting for what another process, or a later turn of the reactor, has yet to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater

TIMEOUT = 120
"""Seconds to wait for what must happen; a loaded machine needs far less."""


async def wait_until(
    read: Callable[[], object],
    accept: Callable[[Any], bool],
    expected: str,
    timeout: float = TIMEOUT,
) -> Any:
    """
    Read a value again and again until it is accepted.

    @param read: returns the value, or a Deferred or coroutine with it.
    @param accept: whether a value is the expected one.
    @param expected: what is expected, for the error message.
    @param timeout: seconds to wait for that.
    @return: the accepted value.
    @raise AssertionError: if the timeout passes; the message has the last value.
    """
    deadline = reactor.seconds() + timeout
    while True:
        value: Any = await maybeDeferred(read)
        if accept(value):
            return value
        if reactor.seconds() > deadline:
            raise AssertionError(f"after {timeout} s: {value!r}; expected {expected}")
        await deferLater(reactor, 0.01)


async def wait_until_equal(read: Callable[[], object], expected: object) -> None:
    """Read a value again and again until it equals the expected one."""
    await wait_until(read, lambda value: bool(value == expected), repr(expected))
