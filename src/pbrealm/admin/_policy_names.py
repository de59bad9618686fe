"""
The names of the policies for a full realm, as the command's option C{--on-full} has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pbrealm._log_text import log_text
from pbrealm._types import AnyFullPolicy
from pbrealm.policies import PingOldest, Refuse, ReplaceOldest, WaitForRoom

_POLICIES: Final[Mapping[str, tuple[type[Any], str]]] = {
    "replace": (ReplaceOldest, "stay"),
    "ping": (PingOldest, "timeout"),
    "wait": (WaitForRoom, "timeout"),
}
"""By name, those that have seconds, and the attribute with these."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def name_of_policy(policy: object) -> str:
    """
    The name of a policy, with its seconds, as in C{replace:10}; that of its class, if it is one of
    the program's own.
    """
    if type(policy) is Refuse:
        return "refuse"
    for name, (kind, attribute) in _POLICIES.items():
        if type(policy) is kind:
            return f"{name}:{getattr(policy, attribute):g}"
    return type(policy).__name__


def policy_of_name(text: str) -> AnyFullPolicy:
    """
    Make a policy.

    @raise ValueError: if there is none of the name, or it can't have the seconds.
    """
    if text == "refuse":
        return Refuse()
    name, colon, seconds = text.partition(":")
    if name not in _POLICIES or (colon and not _SECONDS.fullmatch(seconds)):
        raise ValueError(
            "on_full must be one of refuse, replace, ping and wait, the last three also with "
            f"seconds as in replace:60, not {log_text(text)}"
        )
    kind, _ = _POLICIES[name]
    policy: AnyFullPolicy = kind(float(seconds)) if colon else kind()
    return policy
