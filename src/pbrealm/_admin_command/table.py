"""
Tables that fit a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pbrealm._admin_command.text import columns_of, cut, pad

_GAP: Final = "  "

_LEAST: Final = 8
"""Columns that are left of a text that is cut."""


@dataclass(frozen=True)
class Column:
    """
    A column of a table.
    """

    heading: str

    right: bool = False
    """Whether it has figures, which end at the same place."""

    cut: bool = False
    """Whether its texts may be cut where there isn't enough room."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> Iterator[str]:
    """
    Lay out a table.

    @param rows: printable texts.
    @param width: columns of the terminal; L{None} if there is none, and nothing is cut.
    @return: its lines.
    """
    headings = [column.heading for column in columns]
    widths = [max(map(columns_of, texts)) for texts in zip(headings, *rows, strict=True)]
    if width is not None:
        _fit(columns, widths, width)
    for row in [headings, *rows]:
        line = _GAP.join(
            pad(cut(text, room), room, right=column.right)
            for column, text, room in zip(columns, row, widths, strict=True)
        ).rstrip()
        yield line if width is None else cut(line, width)


def _fit(columns: Sequence[Column], widths: list[int], width: int) -> None:
    """Take from the widest of those that may be cut, until all fit or no more can be taken."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    flexible = [number for number, column in enumerate(columns) if column.cut]
    while excess > 0 and flexible:
        widest = max(flexible, key=lambda number: widths[number])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
        excess -= 1
