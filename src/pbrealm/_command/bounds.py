"""
The front door's bounds as options: one for each, by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

from pbrealm.front.limits import Limits
from pbrealm.wire.outbox import Backlog, WhenSlow

_B = TypeVar("_B", Limits, Backlog)

HELP: Mapping[str, str] = {
    "login_seconds": "Seconds to log in; 0 for any time.",
    "login_attempts": "Refused logins on a connection before it's closed.",
    "logins": "Logins alive on one connection.",
    "stranger_bytes": "Bytes that a connection may send before its login.",
    "stranger_message_bytes": "Bytes of one message before the login.",
    "stranger_depth": "Nesting depth of one message before the login.",
    "message_bytes": "Bytes of one message.",
    "depth": "Nesting depth of one message.",
    "connections": "Connections in all.",
    "connections_per_address": "Connections from one address.",
    "free_failures": "Wrong passwords before further attempts have to wait.",
    "failure_delay": "Seconds of the first such wait; each doubles it.",
    "longest_delay": "Seconds of the longest such wait.",
    "failure_memory": "Seconds after which wrong passwords are forgotten.",
    "failures_remembered": "Addresses and accounts whose wrong passwords are counted.",
    "ping_interval": "Seconds of silence before a client is asked for a sign of life; 0: never.",
    "ping_timeout": "Seconds that it gets for one.",
    "soft_bytes": "Bytes that may wait to be sent to a client for a time.",
    "soft_seconds": "Seconds of that time.",
    "hard_bytes": "Bytes that may wait to be sent to a client at all.",
    "unanswered": "Notifications of a client that may be without their answer.",
    "when_slow": "What happens beyond that: end, drop-newest, drop-oldest or keep-last.",
}

_WHEN_SLOW = {kind.value.replace(" ", "-"): kind for kind in WhenSlow}


def option_of(field: Field[Any]) -> str:
    """The name of a bound's option."""
    return field.name.replace("_", "-")


def parameters() -> list[list[Any]]:
    """The options, as L{twisted.python.usage.Options.optParameters} has them."""
    return [
        [option_of(field), None, None, f"{HELP[field.name]} [default: {_text_of(field.default)}]"]
        for bounds in (Limits, Backlog)
        for field in fields(bounds)
    ]


def bounds_from(kind: type[_B], options: Mapping[str, Any]) -> _B:
    """
    The bounds that were asked for.

    @param kind: L{Limits} or L{Backlog}.
    @raise ValueError: with a sentence on what is wrong with them.
    """
    given = {
        field.name: _parse(field, options[option_of(field)])
        for field in fields(kind)
        if options[option_of(field)] is not None
    }
    try:
        return kind(**given)
    except ValueError as why:
        text = str(why)
        for field in fields(kind):
            text = text.replace(field.name, f"--{option_of(field)}")
        raise ValueError(text) from why


def _parse(field: Field[Any], text: str) -> Any:
    if field.name == "when_slow":
        if text not in _WHEN_SLOW:
            raise ValueError(f"--when-slow must be one of {', '.join(_WHEN_SLOW)}, not {text!r}")
        return _WHEN_SLOW[text]
    whole = field.type == "int"
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "whole number" if whole else "number"
        raise ValueError(f"--{option_of(field)} must be a {kind}, not {text!r}") from None


def _text_of(default: Any) -> str:
    return default.value.replace(" ", "-") if isinstance(default, WhenSlow) else str(default)
