"""
Server-sent events, from bytes that arrive in pieces; no I/O.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable


class EventParser:
    """
    Finds the events of a stream.
    """

    def __init__(self, on_event: Callable[[str, str], object]) -> None:
        """
        @param on_event: called with the name and the data of each event.
        """
        self._on_event = on_event
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""
        self._name = ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._unfinished = (self._unfinished + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._line(line.removesuffix("\r"))

    def _line(self, line: str) -> None:
        if not line:
            name, data = self._name or "message", "\n".join(self._data)
            complete = bool(self._data)
            self._name, self._data = "", []
            if complete:
                self._on_event(name, data)
            return
        # A line that begins with a colon is a comment: its field has no name.
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
