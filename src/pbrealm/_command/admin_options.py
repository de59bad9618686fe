"""
The options of the administration.  Nothing of it is imported unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.python.usage import UsageError

from pbrealm._command.endpoints import NamedEndpoint


@dataclass(frozen=True)
class AdminOptions:
    """
    What the options ask for.
    """

    endpoints: tuple[NamedEndpoint, ...]
    token: str | None
    hosts: tuple[str, ...]
    insecure: bool


def parse_admin_options(options: Mapping[str, Any]) -> AdminOptions | None:
    """
    Parse the options that begin with C{admin}.

    @return: L{None} if no administration is wanted.
    @raise UsageError: if they are wrong, or what the administration needs isn't installed.
    """
    if not options["admin"]:
        for option in ("admin-token", "admin-host", "admin-insecure"):
            if options[option]:
                raise UsageError(f"--{option} needs --admin, the endpoint to listen at")
        return None
    try:
        from pbrealm.admin._service import parse_endpoint
    except ImportError as why:
        raise UsageError(f"--admin can't be used: {why}") from why
    # Installs a reactor if there is none yet, so not before the command has chosen one.
    from twisted.internet import reactor

    descriptions: Sequence[str] = options["admin"]
    for description in descriptions:
        if descriptions.count(description) > 1:
            raise UsageError(f"--admin {description} is there twice")
    try:
        endpoints = [parse_endpoint("--admin", each, reactor) for each in descriptions]
    except ValueError as why:
        raise UsageError(str(why)) from why
    return AdminOptions(
        tuple(map(NamedEndpoint, descriptions, endpoints)),
        _read_token(options["admin-token"]),
        tuple(map(_checked_host, options["admin-host"])),
        bool(options["admin-insecure"]),
    )


def _checked_host(name: str) -> str:
    from pbrealm.admin._access import is_host

    if not is_host(name):
        raise UsageError(
            "--admin-host must be a name without a scheme or a port, such as admin.example, "
            f"not {name!r}"
        )
    return name


def _read_token(path: str | None) -> str | None:
    if path is None:
        return None
    from pbrealm.admin._access import check_token

    try:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
        check_token(token)
    except OSError as why:
        raise UsageError(f"--admin-token {path} can't be read: {why.strerror}") from why
    except ValueError as why:
        # Also where it isn't ASCII; but what is in the file isn't told.
        problem = "it isn't ASCII" if isinstance(why, UnicodeError) else why
        raise UsageError(f"--admin-token {path} can't be used: {problem}") from None
    return token
