"""
Keys that are pressed at a terminal.
"""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Callable
from typing import Any, TextIO

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IReadDescriptor)
class Keys:
    """
    Tells of each key at once, without the line being ended.
    """

    def __init__(self, terminal: TextIO, reactor: Any, on_key: Callable[[str], object]) -> None:
        self._file = terminal.fileno()
        self._reactor = reactor
        self._on_key = on_key
        self._before = termios.tcgetattr(self._file)
        tty.setcbreak(self._file, termios.TCSADRAIN)
        reactor.addReader(self)

    def close(self) -> None:
        """Have the terminal as it was."""
        self._reactor.removeReader(self)
        termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    # What Twisted calls

    def fileno(self) -> int:
        return self._file

    def doRead(self) -> None:
        for key in os.read(self._file, 100).decode("ascii", "ignore"):
            self._on_key(key)

    def connectionLost(self, reason: Failure) -> None:
        pass

    def logPrefix(self) -> str:
        return "keys"
