"""
What a command and its arguments are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pbrealm._admin_command.arguments import text
from pbrealm._admin_command.invocation import Invocation


@dataclass(frozen=True)
class Argument:
    """
    An argument of a command: an option if its name begins with two dashes.
    """

    name: str

    help: str

    value: str | None = None
    """What its value is called; L{None} if it's an option that takes none."""

    convert: Callable[[str], Any] = text

    default: Any = None

    required: bool = False

    repeated: bool = False
    """Whether there may be any number of it."""

    choices: Sequence[str] = ()
    """The values that it may have, if it isn't any."""

    proposals: Sequence[str] = ()
    """How its values may begin, for completions."""

    is_file: bool = False

    @property
    def is_option(self) -> bool:
        """Whether it has a name on the command line."""
        return self.name.startswith("--")

    @property
    def field(self) -> str:
        """The name of its value among the options."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class Command:
    """
    A command.
    """

    name: str

    summary: str
    """A sentence that begins with a verb."""

    run: Callable[[Invocation], Awaitable[None]]

    arguments: Sequence[Argument] = ()

    one_of: Sequence[str] = ()
    """The names of arguments of which exactly one has to be given."""
