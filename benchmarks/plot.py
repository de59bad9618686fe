"""
Bars, as SVG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

LABELS = 330
BARS = 420
ROW = 22
COLOURS = ("#4477aa", "#66ccee", "#bbbbbb")


@dataclass
class Bar:
    """One row: a share for each of several, and how large it should be at most."""

    label: str
    shares: Sequence[float]
    target: float | None = None


def bars(title: str, names: Sequence[str], rows: Sequence[Bar]) -> str:
    """
    Horizontal bars of shares of one whole, and a line where each has its target.
    """
    most = max(1.0, *(share for row in rows for share in row.shares))
    scale = BARS / (ceil(most * 5) / 5)
    each = ROW * len(names) + 8
    top = 62
    bottom = top + each * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABELS + BARS + 70}"'
        f' height="{bottom + 40}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for at, name in enumerate(names):
        x = 12 + at * 250
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{COLOURS[at]}"/>')
        parts.append(f'<text x="{x + 18}" y="45">{escape(name)}</text>')
    for tick in range(round(BARS / scale * 5) + 1):
        x = LABELS + tick / 5 * scale
        dark = "#333333" if tick == 5 else "#dddddd"
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{dark}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick / 5:g}</text>'
        )
    for number, row in enumerate(rows):
        y = top + each * number + 4
        middle = y + ROW * len(names) / 2 + 4
        parts.append(
            f'<text x="{LABELS - 8}" y="{middle:.1f}" text-anchor="end">{escape(row.label)}</text>'
        )
        for at, share in enumerate(row.shares):
            width = share * scale
            parts.append(
                f'<rect x="{LABELS}" y="{y + at * ROW + 2}" width="{width:.1f}"'
                f' height="{ROW - 4}" fill="{COLOURS[at]}"/>'
                f'<text x="{LABELS + width + 5:.1f}" y="{y + at * ROW + 16}">{share:.2f}</text>'
            )
        if row.target is not None:
            x = LABELS + row.target * scale
            parts.append(
                f'<path d="M{x:.1f} {y}v{ROW * len(names)}" stroke="#cc3311" stroke-width="2"/>'
            )
    return "\n".join([*parts, "</svg>", ""])
