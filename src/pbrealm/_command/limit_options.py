"""
The front door's bounds as options: one for each, by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy
from pbrealm._server.limits import Limits

_B = TypeVar("_B", Limits, Backlog)

HELP: Mapping[str, str] = {
    "login_seconds": "Seconds to log in; 0 for any time.",
    "login_attempts": "Refused logins on a connection before it's closed.",
    "logins": "Logins alive on one connection.",
    "unauthenticated_bytes": "Bytes that a connection may send before its login.",
    "unauthenticated_message_bytes": "Bytes of one message before the login.",
    "unauthenticated_depth": "Nesting depth of one message before the login.",
    "message_bytes": "Bytes of one message.",
    "depth": "Nesting depth of one message.",
    "connections": "Connections in all.",
    "connections_per_address": "Connections from one address.",
    "throttle_after": "Wrong passwords before further attempts have to wait.",
    "throttle_seconds": "Seconds of the first such wait; each doubles it.",
    "throttle_max_seconds": "Seconds of the longest such wait.",
    "throttle_memory_seconds": "Seconds after which wrong passwords are forgotten.",
    "throttle_entries": "Addresses and accounts whose wrong passwords are counted.",
    "ping_interval": "Seconds of silence before a client is asked for a sign of life; 0: never.",
    "ping_timeout": "Seconds that it gets for one.",
    "soft_bytes": "Bytes that may wait to be sent to a client for a time.",
    "soft_seconds": "Seconds of that time.",
    "hard_bytes": "Bytes that may wait to be sent to a client at all.",
    "unanswered": "Notifications of a client that may be without their answer.",
    "when_slow": "What happens beyond that: end, drop-newest, drop-oldest or keep-last.",
}

_WHEN_SLOW = {kind.value.replace(" ", "-"): kind for kind in SlowClientPolicy}


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
    return (
        default.value.replace(" ", "-") if isinstance(default, SlowClientPolicy) else str(default)
    )
