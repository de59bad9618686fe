"""
Problem details: how the API says what is wrong (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

PROBLEM_TYPE: Final = b"application/problem+json"

PROBLEM_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
}


class Problem(Exception):
    """
    A request can't be answered as it was meant to be.

    @ivar status: the status of the response.
    @ivar detail: what is wrong, as a sentence.
    @ivar headers: of the response, besides those that each has.
    """

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        """
        @param headers: their names with underscores in place of the hyphens.
        """
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def details(self) -> Mapping[str, Any]:
        """The body of the response."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
