"""
Contradictions between options, and options that need another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.python.usage import UsageError

from pbrealm._command.checkers import takes_passwords
from pbrealm._command.realm_options import REALM_KINDS, names_a_realm

_AVATAR_OF_GUESTS = "the dotted name of the avatar class or factory for guests"


def check_conflicts(options: Mapping[str, Any]) -> None:
    """
    Check that the options make sense together.

    @param options: the values as they were given; L{None} for an option that wasn't.
    @raise UsageError: if an option contradicts another one, has no effect beside it, or needs one
        that is missing.
    """
    _check_realm(options)
    if options["demo"]:
        _refuse_together("--demo", options, ("avatar", "realm", "state", "guests"))
    if names_a_realm(options):
        _refuse_together(f"--realm {options['realm']}", options, ("avatar", "state", "linger"))
    if options["realm"] == "disposable":
        _refuse_together("--realm disposable", options, ("linger",))
    _check_state(options)
    if options["on-full"] is not None and options["limit"] is None and options["total"] is None:
        raise UsageError("--on-full needs --limit or --total")
    if not options["demo"]:
        _check_logins(options)


def _check_realm(options: Mapping[str, Any]) -> None:
    if names_a_realm(options) and "." not in options["realm"]:
        raise UsageError(
            f"--realm must be one of {', '.join(REALM_KINDS)}, or a dotted name, "
            f"not {options['realm']!r}"
        )


def _check_state(options: Mapping[str, Any]) -> None:
    if options["store"] is not None:
        if options["realm"] != "shared" and not options["demo"]:
            raise UsageError("--store needs --realm shared or --demo")
        _refuse_together("--store", options, ("state",))
    elif options["realm"] == "shared":
        _require(
            "--realm shared",
            options,
            "state",
            "the dotted name of the state factory, or --store, the path of a file",
        )
    elif options["state"] is not None:
        raise UsageError("--state needs --realm shared")


def _check_logins(options: Mapping[str, Any]) -> None:
    """
    Check that somebody can log in, and that there is an avatar for whoever can.
    """
    passwords = any(takes_passwords(checker) for checker in options["credCheckers"])
    guests = options["guests"] is not None
    if not options["credCheckers"] and not guests:
        raise UsageError("nobody could log in: give --auth, --guests or --demo")
    if options["guest-name"]:
        _require("--guest-name", options, "guests", _AVATAR_OF_GUESTS)
        if not passwords:
            raise UsageError("--guest-name needs --auth, to check the password of the account")
    if names_a_realm(options):
        # Which logins that realm accepts isn't known here.
        return
    if not passwords and not guests:
        raise UsageError(f"--auth anonymous needs --guests, {_AVATAR_OF_GUESTS}")
    if passwords:
        _require("--auth", options, "avatar", "the dotted name of the avatar class or factory")
    elif options["avatar"] is None:
        for option in ("realm", "linger"):
            if options[option] is not None:
                raise UsageError(f"--{option} needs --avatar: it has no effect on guests")


def _refuse_together(given: str, options: Mapping[str, Any], others: tuple[str, ...]) -> None:
    for other in others:
        if options[other] is not None:
            raise UsageError(f"--{other} can't be used with {given}: leave out one of them")


def _require(given: str, options: Mapping[str, Any], needed: str, meaning: str) -> None:
    if options[needed] is None:
        raise UsageError(f"{given} needs --{needed}, {meaning}")
