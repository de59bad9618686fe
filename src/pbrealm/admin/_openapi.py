"""
The OpenAPI description of the operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pbrealm._version import __version__
from pbrealm.admin._operations import JSON_TYPE, Operation, json_reply
from pbrealm.admin._problems import PROBLEM_SCHEMA, PROBLEM_TYPE

_PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request can't be understood.",
    401: "A token is needed, and is missing or wrong.",
    403: "The host isn't this one, or a page of another site asks.",
    404: "There is no such thing.",
    413: "The body is too large.",
    415: "The body isn't JSON.",
    422: "The body isn't what it must be.",
}


def with_description(operations: Sequence[Operation]) -> Sequence[Operation]:
    """
    Add the operation that describes them all, and itself.
    """
    all_of_them: list[Operation] = [*operations]
    all_of_them.append(
        Operation(
            "GET",
            "/api/openapi.json",
            "Describe the API, by OpenAPI 3.1.",
            lambda call: json_reply(describe(all_of_them)),
            responses={200: ("The description.", {"type": "object"})},
        )
    )
    return all_of_them


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describe operations by OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _describe(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pbrealm administration",
            "version": __version__,
            "description": "The sessions of a server, seen and acted upon from outside.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM_SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # Whether it is needed depends on where the server listens.
        "security": [{"token": []}, {}],
    }


def _describe(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _identifier(operation),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": schema}
                for name, schema in operation.path_parameters.items()
            ),
            *(
                {
                    "name": each.name,
                    "in": "query",
                    "schema": each.schema,
                    "description": each.description,
                }
                for each in operation.query
            ),
        ],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON_TYPE: {"schema": operation.body}},
        }
    if operation.public:
        described["security"] = []
    return described


def _identifier(operation: Operation) -> str:
    """As in C{get_api_sessions_id}."""
    words = operation.path.replace("/", " ").replace("{", " ").replace("}", " ").split()
    return "_".join([operation.method.lower(), *words]).replace(".", "_")


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): {
            "description": description,
            "content": {operation.content_type: {"schema": schema}},
        }
        for status, (description, schema) in operation.responses.items()
    }
    problems = {status: _PROBLEMS[status] for status in _general_problems(operation)}
    for status, description in {**problems, **operation.problems}.items():
        responses[str(status)] = {
            "description": description,
            "content": {
                PROBLEM_TYPE.decode("ascii"): {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    return responses


def _general_problems(operation: Operation) -> Iterable[int]:
    yield from (400, 403)
    if not operation.public:
        yield 401
    if operation.path_parameters:
        yield 404
    if operation.body is not None:
        yield from (413, 415, 422)
