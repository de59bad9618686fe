"""
What is called.
"""

from __future__ import annotations

from typing import Any

USER = {
    "id": 12345,
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "active": True,
    "score": 98.6,
}
"""A dictionary of five keys."""

ROWS: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "add(5, 3)": ("add", (5, 3), 200),
    "echo of a 5-key dict": ("echo", (USER,), 200),
    # 200 of these would be half a minute's work for plain PB before it reads the first answer.
    "echo of 1,000 such dicts": ("echo", ([dict(USER) for _ in range(1000)],), 10),
    "echo of 100 KB of bytes": ("echo", (bytes(range(256)) * 400,), 200),
}
"""By name: a method, its arguments, and how many calls of it are in flight when many are."""


def expected(row: str) -> Any:
    """The answer."""
    method, args, _ = ROWS[row]
    return sum(args) if method == "add" else args[0]
