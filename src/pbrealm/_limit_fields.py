"""
Fields of L{Limits<pbrealm.Limits>} and L{Backlog<pbrealm.Backlog>}, each with its description.

The description in a field's metadata is the only one.  The documentation of the class and the
help of the command are made from it, and a test compares the README with it.  A name in backquotes
is that of another field of the same class.
"""

from __future__ import annotations

from dataclasses import Field, field, fields
from inspect import cleandoc
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

_T = TypeVar("_T")
_C = TypeVar("_C")
_LimitsT = TypeVar("_LimitsT")

_DESCRIPTION = "description"
_LEAST = "least"


def limit(default: _T, description: str, *, least: _T | None = None) -> _T:
    """
    Declare a field of a dataclass of limits.

    @param description: a sentence or two that begin with the unit of the limit.
    @param least: the smallest value with which a server can be used, apart from a 0 that turns
        off the limit; L{None} if any will do.
    @return: for the type checker a value of the field's type; at run time the field.
    """
    if least is not None:
        description = f"{description} At least {least:,}."
    return field(default=default, metadata={_DESCRIPTION: description, _LEAST: least})


def least_of(limit_field: Field[Any]) -> float | None:
    """The smallest value of a field, apart from 0, that it was declared with, if any."""
    least: float | None = limit_field.metadata[_LEAST]
    return least


def description_of(limit_field: Field[Any]) -> str:
    """The description that a field was declared with."""
    description: str = limit_field.metadata[_DESCRIPTION]
    return description


class Current(Generic[_LimitsT]):
    """
    A base of limits that may be replaced while a server serves, beside the class of such limits.
    """

    @classmethod
    def of(cls, limits: _LimitsT) -> Self:
        """Begin with these."""
        return cls(**vars(limits))

    def replace(self, limits: _LimitsT) -> None:
        """Have these from now on."""
        for each in fields(limits):  # type: ignore[arg-type]  # a dataclass
            # The class is frozen for everybody else.
            object.__setattr__(self, each.name, getattr(limits, each.name))


def document_limits(limits_class: type[_C]) -> type[_C]:
    """
    Decorate a dataclass of limits: add an C{@ivar} for each of its fields to its docstring.
    """
    lines = [cleandoc(limits_class.__doc__ or ""), ""]
    for each in fields(limits_class):  # type: ignore[arg-type]  # the decorated is a dataclass
        text = f"@ivar {each.name}: {description_of(each)}  By default {each.default}."
        lines += wrap(text, 95, subsequent_indent="    ")
    limits_class.__doc__ = "\n".join(lines)
    return limits_class
