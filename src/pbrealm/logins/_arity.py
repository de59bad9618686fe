"""
How many arguments a method takes.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, NamedTuple


class Arity(NamedTuple):
    """
    How many positional arguments a method takes.
    """

    fewest: int
    most: float

    @classmethod
    def of(cls, function: Callable[..., Any], *, given: int) -> Arity:
        """
        Find out how many arguments a client may pass.

        @param given: how many the server passes before those of the client.
        @raise TypeError: if the function can't be called with positional arguments alone.
        """
        parameters = list(signature(function).parameters.values())[given:]
        required = most = 0
        for each in parameters:
            if each.kind is Parameter.VAR_POSITIONAL:
                return cls(required, float("inf"))
            if each.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
                most += 1
                required += each.default is Parameter.empty
            elif each.kind is Parameter.KEYWORD_ONLY and each.default is Parameter.empty:
                raise TypeError(
                    f"{function.__qualname__} needs {each.name}= by keyword, "
                    "which clients can't pass"
                )
        return cls(required, most)

    def allows(self, count: int) -> bool:
        """Whether a client may pass so many."""
        return self.fewest <= count <= self.most
