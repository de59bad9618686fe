"""
The options that set L{Limits} and L{Backlog}: one for each field, under the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

from twisted.python.usage import UsageError

from pbrealm._command.option_values import parse_choice, parse_count, parse_seconds
from pbrealm._delivery.backlog import Backlog, SlowClientPolicy
from pbrealm._limit_fields import description_of
from pbrealm._server.limits import Limits

_L = TypeVar("_L", Limits, Backlog)

_FIELD_NAME = re.compile(r"`?\b([a-z]+(?:_[a-z]+)+)\b`?")
"""A field's name in a description or an error message: the only words with an underscore."""


def option_name(field_name: str) -> str:
    """The name of the option that sets a field, without its leading dashes."""
    return field_name.replace("_", "-")


_SLOW_CLIENT_POLICIES = {option_name(policy.name.lower()): policy for policy in SlowClientPolicy}


def _parse_policy(option: str, text: str) -> SlowClientPolicy:
    return parse_choice(option, text, _SLOW_CLIENT_POLICIES)


_PARSERS: Mapping[object, Callable[[str, str], Any]] = {
    "int": parse_count,
    "float": parse_seconds,
    "SlowClientPolicy": _parse_policy,
}
"""The parser of an option, by the annotation of its field."""


def limit_parameters() -> list[list[Any]]:
    """Declare the options, as L{twisted.python.usage.Options.optParameters} does."""
    return [
        [option_name(field.name), None, None, _help_text(field)]
        for limits_class in (Limits, Backlog)
        for field in fields(limits_class)
    ]


def parse_limits(limits_class: type[_L], options: Mapping[str, Any]) -> _L:
    """
    Make the limits that the options ask for; those that were not given have their default.

    @param limits_class: L{Limits} or L{Backlog}.
    @raise UsageError: if an option is no number of its kind, or contradicts another one.
    """
    given = {}
    for field in fields(limits_class):
        option = option_name(field.name)
        if options[option] is not None:
            given[field.name] = _PARSERS[field.type](option, options[option])
    try:
        return limits_class(**given)
    except ValueError as why:
        raise UsageError(_with_option_names(str(why))) from why


def _with_option_names(text: str) -> str:
    return _FIELD_NAME.sub(lambda name: f"--{option_name(name[1])}", text)


def _help_text(field: Field[Any]) -> str:
    text, default = _with_option_names(description_of(field)), field.default
    if isinstance(default, SlowClientPolicy):
        text = f"{text} One of {', '.join(_SLOW_CLIENT_POLICIES)}."
        default = option_name(default.name.lower())
    return f"{text} [default: {default}]"
