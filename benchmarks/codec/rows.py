"""
What is called.
"""

from __future__ import annotations

from typing import Any

PLAYER = {
    "name": "alice",
    "score": 12345,
    "position": {"x": 1.5, "y": -2.25, "z": 63.0},
    "items": ["sword", "shield", "bow", "arrow"],
    "alive": True,
}
"""A dictionary of five keys, as servers send them."""

ROWS: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "add(5, 3)": ("add", (5, 3), 200),
    "echo of a 5-key dict": ("echo", (PLAYER,), 200),
    # 200 of these would be half a minute's work for plain PB before it reads the first answer.
    "echo of 1,000 such dicts": ("echo", ([dict(PLAYER) for _ in range(1000)],), 10),
    "echo of 100 KB of bytes": ("echo", (bytes(range(256)) * 400,), 200),
}
"""By name: a method, its arguments, and how many calls of it are in flight when many are."""


def expected(row: str) -> Any:
    """The answer."""
    method, args, _ = ROWS[row]
    return sum(args) if method == "add" else args[0]
