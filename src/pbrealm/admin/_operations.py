"""
The operations of the API: what the server routes, checks and answers by, and what the OpenAPI
description is made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from twisted.web.iweb import IRequest

from pbrealm._log_text import log_text
from pbrealm.admin._problems import Problem
from pbrealm.admin._schemas import Schema

JSON_TYPE: Final = "application/json"


@dataclass(frozen=True)
class Call:
    """A request whose parameters and body have been checked."""

    parameters: Mapping[str, Any]
    """Those of the path and the query, by name; what wasn't given is L{None} or its default."""

    body: Mapping[str, Any]

    who: str
    """Who asks, for the journal."""


@dataclass(frozen=True)
class Reply:
    """A response."""

    body: bytes
    status: int = 200
    content_type: str = JSON_TYPE


@dataclass(frozen=True)
class Stream:
    """A response without an end."""

    content_type: str

    start: Callable[[IRequest], object]
    """Is called once the headers are written."""


Handler: TypeAlias = Callable[[Call], Any]
"""Returns a L{Reply} or a L{Stream}, or is a coroutine function that does; raises a L{Problem}."""


def json_reply(value: object, status: int = 200) -> Reply:
    """A response of one JSON value."""
    return Reply(json.dumps(value).encode("ascii"), status)


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query."""

    name: str
    schema: Schema
    description: str


@dataclass(frozen=True)
class Operation:
    """One thing that the API does."""

    method: str

    path: str
    """With the names of its parameters in braces, as in C{/api/sessions/{id}}."""

    summary: str

    handler: Handler

    path_parameters: Mapping[str, Schema] = field(default_factory=dict)

    query: Sequence[Parameter] = ()

    body: Schema | None = None
    """L{None} if it takes none."""

    body_required: bool = True

    responses: Mapping[int, tuple[str, Schema]] = field(default_factory=dict)
    """The description and the schema of each but those for problems."""

    problems: Mapping[int, str] = field(default_factory=dict)
    """The descriptions of the problems that the handler raises."""

    content_type: str = JSON_TYPE
    """Of the response."""

    public: bool = False
    """Whether it needs no token."""


class Routes:
    """
    Finds the operation of a request.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        # By the number of segments, and in the order given: an operation whose path is literal
        # comes before one with a parameter in the same place.
        self._paths: dict[tuple[str, ...], dict[str, Operation]] = {}
        for each in operations:
            methods = self._paths.setdefault(_segments(each.path), {})
            if each.method in methods:
                raise ValueError(f"{each.method} {each.path} is there twice")
            methods[each.method] = each

    def find(self, method: str, segments: Sequence[str]) -> tuple[Operation, Mapping[str, str]]:
        """
        @param segments: those of the path, decoded.
        @return: the operation, and the texts of the path's parameters.
        @raise Problem: if there is no such path, or it doesn't have the method.
        """
        for path, methods in self._paths.items():
            parameters = _match(path, segments)
            if parameters is None:
                continue
            operation = methods.get("GET" if method == "HEAD" else method)
            if operation is None:
                allowed = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
                raise Problem(
                    405,
                    f"{log_text(method)} isn't possible here, only {' and '.join(allowed)}",
                    Allow=", ".join(allowed),
                )
            return operation, parameters
        raise Problem(404, f"there is nothing at /{log_text('/'.join(segments))}")


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path[1:].split("/"))


def _match(path: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(path) != len(segments):
        return None
    parameters = {}
    for pattern, segment in zip(path, segments, strict=True):
        if pattern.startswith("{"):
            parameters[pattern[1:-1]] = segment
        elif pattern != segment:
            return None
    return parameters
