"""
Where the command writes, for people or for scripts.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

from pbrealm._admin_command.exit_status import CannotWrite
from pbrealm._admin_command.table import Column, table

_LEAST_COLUMNS: Final = 20

_CLEAR_LINE: Final = "\r\x1b[K"


class Console:
    """
    The standard output, and the standard error.

    @ivar json: whether it's for scripts.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        json: bool = False,
        terminal_size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        """
        @param terminal_size: gives the columns and lines of the terminal; L{None} if there is
            none.
        """
        self._out = out
        self._err = err
        self.json = json
        self._terminal_size = terminal_size

    @classmethod
    def standard(cls, *, json: bool) -> Console:
        """Those of this process."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the encoding of the terminal doesn't have is no reason to fail.
            sys.stdout.reconfigure(errors="backslashreplace")
        size = shutil.get_terminal_size if sys.stdout.isatty() else None
        return cls(sys.stdout, sys.stderr, json=json, terminal_size=size)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it."""
        return self._terminal_size is not None and not self.json

    @property
    def columns(self) -> int | None:
        """The width of the terminal; L{None} if there is none."""
        return self._terminal_size and max(self._terminal_size()[0], _LEAST_COLUMNS)

    @property
    def lines(self) -> int | None:
        """The height of the terminal; L{None} if there is none."""
        return self._terminal_size and self._terminal_size()[1]

    def write(self, text: str) -> None:
        """
        Write a text as it is.

        @raise CannotWrite: if nobody reads any more, or the disk is full.
        """
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as why:
            raise CannotWrite(f"the output can't be written: {why.strerror}") from why

    def complain(self, sentence: str) -> None:
        """Write to the standard error what is wrong."""
        print(f"pbrealm: {sentence}", file=self._err)

    def line(self, text: str) -> None:
        """Write a line."""
        self.write(f"{text}\n")

    def replace_line(self, text: str) -> None:
        """Write a line in place of the last, which had no end."""
        self.write(f"{_CLEAR_LINE}{text}")

    def document(self, value: Any) -> None:
        """Write a JSON value on a line."""
        self.line(json.dumps(value))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Write a table."""
        self.write("".join(f"{line}\n" for line in table(columns, rows, self.columns)))

    def fields(self, fields: Sequence[tuple[str, str]]) -> None:
        """Write names with their values, a line each."""
        width = max((len(name) for name, _ in fields), default=0)
        self.write("".join(f"{name:{width}}  {text}\n" for name, text in fields))
