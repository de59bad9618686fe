"""
Limits on what a client may do, and for how long.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from pbrealm._arguments import MAX_COUNT, MAX_SECONDS, check_most
from pbrealm._limit_fields import Current, document_limits, least_of, limit


@document_limits
@dataclass(frozen=True)
class Limits:
    """
    The limits that a L{ServerFactory<pbrealm.ServerFactory>} enforces on its clients.

    0 turns off a limit in seconds.  All other limits have to be positive, and so does
    C{ping_timeout} unless C{ping_interval} is 0.  Some have a least value, with less than which
    nobody could log in or stay.
    """

    login_seconds: float = limit(
        30,
        "Seconds that a connection may be open without a login; 0 for any time. The time that "
        "the server takes to decide on a login is not counted.",
        least=0.1,
    )
    login_attempts: int = limit(
        3,
        "Number of refused logins after which a connection is closed, unless it has another "
        "login.",
    )
    logins: int = limit(
        8,
        "Number of logins that one connection may have, including pending ones. As many login "
        "challenges may wait for their response.",
    )
    unauthenticated_bytes: int = limit(
        64 * 1024,
        "Bytes that a connection without a login may send in all. Each message counts for 512 "
        "bytes more, because of its answer.",
        least=4096,
    )
    unauthenticated_message_bytes: int = limit(
        16 * 1024,
        "Bytes of a single message on a connection without a login.",
        least=512,
    )
    unauthenticated_depth: int = limit(
        16,
        "Depth of nested lists in a single message on a connection without a login.",
        least=8,
    )
    message_bytes: int = limit(
        16 * 1024 * 1024,
        "Bytes of a single message on a connection with a login.",
        least=1024,
    )
    depth: int = limit(
        200,
        "Depth of nested lists in a single message on a connection with a login.",
        least=8,
    )
    connections: int = limit(10_000, "Number of connections in all.")
    connections_per_address: int = limit(
        1_000, "Number of connections from one IPv4 address, or from one IPv6 network (/64)."
    )
    throttle_after_failures: int = limit(
        3,
        "Number of wrong passwords, from one address or for one account, after which further "
        "attempts are delayed. As many attempts may be checked at the same time.",
    )
    throttle_seconds: float = limit(
        1,
        "Seconds of the first delay, counted from the last wrong password; 0 for no delays. Each "
        "further wrong password doubles the delay.",
    )
    throttle_max_seconds: float = limit(
        8,
        "Seconds to which the delay after wrong passwords grows at most, the first one included; "
        "0 for no delays. An attempt that has waited for twice as long, because others were "
        "checked before it, is refused.",
    )
    throttle_memory_seconds: float = limit(
        900, "Seconds without a wrong password after which earlier wrong passwords are forgotten."
    )
    throttle_entries: int = limit(
        10_000,
        "Number of accounts whose wrong passwords are counted, and of addresses and networks; as "
        "many again of each that are delayed. Beyond this number, the one whose last wrong "
        "password is the oldest is forgotten. As many addresses of successful logins are "
        "remembered.",
    )
    ping_interval: float = limit(
        20,
        "Seconds without traffic after which a client is pinged; 0 for never.",
        least=0.1,
    )
    ping_timeout: float = limit(
        10,
        "Seconds that a pinged client has to send something, or to take something that it is "
        "sent, before its connection is aborted.",
        least=0.1,
    )
    resume_seconds: float = limit(
        120,
        "Seconds that a client that has lost its connection has to come back to its session, if "
        "it has asked for that; 0 if sessions end with their connection.",
    )
    resume_bytes: int = limit(
        1024 * 1024,
        "Bytes that are kept of what a client that may come back has been sent, until it "
        "acknowledges them. If more than that is unacknowledged, it can't come back.",
    )

    def __post_init__(self) -> None:
        for field in fields(self):
            number = getattr(self, field.name)
            whole = field.type == "int"
            if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
                raise ValueError(f"{field.name} must be a number, not {number!r}")
            if not number >= 0:
                raise ValueError(f"{field.name} must be 0 or more, not {number!r}")
            if whole and number == 0:
                raise ValueError(f"{field.name} must be positive, not {number!r}")
            least = least_of(field)
            if least is not None and number < least and (whole or number):
                or_off = "" if whole else "0, or "
                raise ValueError(f"{field.name} must be {or_off}{least} or more, not {number!r}")
            check_most(field.name, number, MAX_COUNT if whole else MAX_SECONDS)
        if self.ping_interval and not self.ping_timeout:
            raise ValueError("ping_timeout must be positive where there is a ping_interval")


class CurrentLimits(Current[Limits], Limits):
    """
    The limits of a server, which may be replaced while it serves.
    """
