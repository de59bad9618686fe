"""
What C{--help} prints: the options in groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from twisted.python.usage import Options

GROUPS: Mapping[str, Sequence[str]] = {
    "Where to listen": ("listen",),
    "Who can log in": ("auth", "help-auth", "help-auth-type", "guests", "guest-name", "demo"),
    "Avatars": ("avatar", "realm", "state", "store", "linger"),
    "Sessions": ("limit", "total", "on-full", "goodbye"),
    "Connections and logins": (
        "connections",
        "connections-per-address",
        "login-seconds",
        "login-attempts",
        "logins",
    ),
    "Wrong passwords": (
        "throttle-after-failures",
        "throttle-seconds",
        "throttle-max-seconds",
        "throttle-memory-seconds",
        "throttle-entries",
    ),
    "Messages of clients": (
        "unauthenticated-bytes",
        "unauthenticated-message-bytes",
        "unauthenticated-depth",
        "message-bytes",
        "depth",
    ),
    "Silent clients": ("ping-interval", "ping-timeout"),
    "Clients that come back": ("resume-seconds", "resume-bytes"),
    "Slow clients": ("soft-bytes", "soft-seconds", "hard-bytes", "unanswered", "when-slow"),
    "Administration": ("admin", "admin-token", "admin-host", "admin-insecure"),
    "Help": ("help", "version"),
}
"""The names of the options, by heading."""

_INDENT = 22 * " "
_MIN_WIDTH = 50


def grouped_usage(options: Options, description: str, width: int) -> str:
    """
    Describe a command, and all its options under their headings.

    @param width: columns of the terminal.
    """
    width = max(width, _MIN_WIDTH)
    lines = ["", *wrap(description, width)]
    for heading, names in GROUPS.items():
        lines += ["", f"{heading}:"]
        for name in names:
            lines += _describe(options, name, width)
    return "\n".join([*lines, ""])


def _describe(options: Options, name: str, width: int) -> Iterator[str]:
    short = [f"-{key}, " for key, long in options.synonyms.items() if long == name != key]
    value = "=" if f"{name}=" in options.longOpt else ""
    option = f"  {''.join(short)}--{name}{value}"
    # Names of options aren't broken at their hyphens.
    lines = wrap(
        " ".join(options.docs[name].split()),
        width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
    )
    if len(option) < len(_INDENT) - 1:
        lines[0] = option + lines[0][len(option) :]
    else:
        yield option
    yield from lines
