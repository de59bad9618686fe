"""
What a client may do, and for how long.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf


@dataclass(frozen=True)
class Limits:
    """
    The bounds that a L{ServerFactory<pbrealm.ServerFactory>} keeps its clients to.

    0 turns off the bounds in seconds, and no other.
    """

    login_seconds: float = 30
    """How long a connection may be without a login, not counting what the server takes to
    decide on one."""

    login_attempts: int = 3
    """Refused logins on one connection, after which it's closed; with 1, at the first."""

    logins: int = 8
    """Logins alive on one connection, and challenges that wait for their answer."""

    unauthenticated_bytes: int = 64 * 1024
    """Bytes that a connection without a login may send in all; each message counts for 512 more,
    for its answer."""

    unauthenticated_message_bytes: int = 16 * 1024
    """Bytes of a single message of a connection without a login."""

    unauthenticated_depth: int = 16
    """Lists within one another in such a message."""

    message_bytes: int = 16 * 1024 * 1024
    """Bytes of a single message of a connection with a login."""

    depth: int = 200
    """Lists within one another in such a message."""

    connections: int = 10_000
    """Connections in all."""

    connections_per_address: int = 1_000
    """Connections from one address, or from one network of IPv6 (its first 64 bits)."""

    throttle_after: int = 3
    """Wrong passwords of an address, or for an account, before further ones have to wait."""

    throttle_seconds: float = 1
    """Seconds that the next attempt has to wait then; each failure doubles them."""

    throttle_max_seconds: float = 8
    """Seconds that an attempt has to wait at most."""

    throttle_memory_seconds: float = 900
    """Seconds without a failure after which those before are forgotten."""

    throttle_entries: int = 10_000
    """Addresses and accounts whose failures are counted; the one that failed longest ago is
    forgotten for a new one."""

    ping_interval: float = 20
    """Seconds of silence after which a client is asked for a sign of life."""

    ping_timeout: float = 10
    """Seconds that it gets to give one, by traffic of any kind."""

    def __post_init__(self) -> None:
        for field in fields(self):
            number = getattr(self, field.name)
            whole = field.type == "int"
            if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
                raise ValueError(f"{field.name} must be a number, not {number!r}")
            if not 0 <= number < inf:
                raise ValueError(f"{field.name} must be 0 or more, not {number!r}")
            if whole and number == 0:
                raise ValueError(f"{field.name} must be positive, not {number!r}")
        if self.ping_interval and not self.ping_timeout:
            raise ValueError("ping_timeout must be positive where there is a ping_interval")
