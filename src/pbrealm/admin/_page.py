"""
The page: files that everybody may read, and that ask the API for all that they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Final

from pbrealm.admin._operations import Operation, Reply

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_INDEX: Final = "index.html"


def page_operations() -> Sequence[Operation]:
    """The part of the table, with the files in memory."""
    directory = files("pbrealm.admin").joinpath("static")
    return [
        _file(each.name, each.read_bytes())
        for each in sorted(directory.iterdir(), key=lambda each: each.name)
        if PurePath(each.name).suffix in _TYPES
    ]


def _file(name: str, content: bytes) -> Operation:
    kind = _TYPES[PurePath(name).suffix]
    return Operation(
        "GET",
        "/" if name == _INDEX else f"/static/{name}",
        "A file of the page.",
        lambda call: Reply(content, content_type=kind),
        content_type=kind,
        public=True,
    )
