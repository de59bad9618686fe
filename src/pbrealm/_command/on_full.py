"""
The policies that C{--on-full} names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.python.usage import UsageError

from pbrealm._command.option_values import parse_choice, parse_seconds
from pbrealm.interfaces import IFullPolicy
from pbrealm.policies import PingOldest, Refuse, ReplaceOldest, WaitForRoom

_POLICIES: Mapping[str, Callable[..., IFullPolicy]] = {
    "refuse": Refuse,
    "replace": ReplaceOldest,
    "ping": PingOldest,
    "wait": WaitForRoom,
}


def parse_policy(option: str, text: str) -> IFullPolicy:
    """
    Make the policy of an option.

    @param text: its name, and for all but C{refuse}, if wanted, a colon and the seconds that the
        policy takes.
    @raise UsageError: if there is no such policy, or it can't have such seconds.
    """
    name, colon, seconds = text.partition(":")
    policy = parse_choice(option, name, _POLICIES)
    if not colon:
        return policy()
    if policy is Refuse:
        raise UsageError(f"--{option} refuse takes no seconds, so leave out {colon + seconds!r}")
    try:
        return policy(parse_seconds(f"{option} {name}:SECONDS", seconds))
    except ValueError:
        # The only number of seconds that a policy refuses.
        raise UsageError(
            f"--{option} {name}:SECONDS must be more than 0, not {seconds!r}"
        ) from None
