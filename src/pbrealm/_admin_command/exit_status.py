"""
The exit statuses of the command, and the errors that end it with them.
"""

from __future__ import annotations

from enum import Enum


class ExitStatus(Enum):
    """How the command has ended."""

    DONE = (0, "done")
    FAILED = (1, "the server refused or failed, or no client has answered")
    USAGE = (2, "the command can't be used so")
    UNREACHABLE = (3, "the server can't be reached, or was lost")
    NOT_FOUND = (4, "there is no such session or avatar id")
    INTERRUPTED = (130, "ended by Ctrl-C")

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text


class CommandError(Exception):
    """
    Ends the command with a sentence on the standard error.
    """

    status = ExitStatus.FAILED


class Failed(CommandError):
    """The server refused or failed, or no client has answered."""


class CannotWrite(CommandError):
    """
    The output can't be written, because of an L{OSError}, which is the cause of this.
    """


class WrongUsage(CommandError):
    """The command can't be used so."""

    status = ExitStatus.USAGE


class Unreachable(CommandError):
    """The server can't be reached, or was lost."""

    status = ExitStatus.UNREACHABLE


class NotFound(CommandError):
    """There is no such session or avatar id."""

    status = ExitStatus.NOT_FOUND
