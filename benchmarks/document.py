"""
Where results are written to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def put(section: str, text: str, document: Path = DOCS / "benchmarks.md") -> None:
    """
    Write what one benchmark has to say into the document that they share, in the place of what it
    said before, or at the end.
    """
    begin, end = f"<!-- {section}: written by make bench -->", f"<!-- end of {section} -->"
    before = document.read_text("utf-8") if document.exists() else "# Benchmarks\n"
    written = f"{begin}\n{text.strip()}\n{end}"
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if place.search(before):
        after = place.sub(lambda _: written, before)
    else:
        after = f"{before.rstrip()}\n\n{written}\n"
    document.write_text(after, "utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
