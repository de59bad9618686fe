"""
The code in the documents, for tests that run it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(document: str, language: str) -> list[str]:
    """
    The blocks of code of a document.

    @param document: its path in the repository.
    """
    text = (ROOT / document).read_text("utf-8")
    return [code for found, code in _BLOCK.findall(text) if found == language]


def block(document: str, contents: str, language: str = "python") -> str:
    """
    The one block of code of a document that has these words in it.

    L{tests.test_documents} makes sure that a test asks for each block of Python.
    """
    (found,) = [code for code in blocks(document, language) if contents in code]
    return found


def run_block(document: str, contents: str, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Run a block of Python.

    @param names: the names that the block takes for defined.
    @return: the names after it.
    """
    names = {"__name__": document, **(names or {})}
    exec(compile(block(document, contents), document, "exec"), names)
    return names
