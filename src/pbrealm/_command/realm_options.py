"""
The options that say which realm to serve.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.cred.portal import IRealm
from twisted.python.reflect import qual
from twisted.python.usage import UsageError

from pbrealm._command.demo import DemoAvatar, DemoPolicy, demo_avatars, demo_limit
from pbrealm._command.import_name import import_factory, import_option
from pbrealm._command.on_full import parse_policy
from pbrealm._command.option_values import parse_count, parse_seconds
from pbrealm._command.store import parse_store
from pbrealm._error_text import describe
from pbrealm.interfaces import IFullPolicy

if TYPE_CHECKING:
    from pbrealm.store import SQLiteStore

REALM_KINDS = ("caching", "shared", "disposable")
"""The values of C{--realm} that choose a realm of pbrealm; any other one is a dotted name."""


STORED_LINGER: Final = 60.0
"""Seconds that what can be loaded again is kept, if C{--linger} doesn't say."""


@dataclass(frozen=True)
class RealmOptions:
    """
    The realm that the command is asked to serve.

    Either C{realm} or C{avatar} is set, or neither, if only guests can log in.
    """

    avatar: Callable[..., Any] | None = None
    """Makes an avatar from an avatar id; for C{kind} C{"shared"}, from an avatar id and state."""

    kind: str = "caching"
    """Which of pbrealm's realms to make: one of L{REALM_KINDS}."""

    realm: IRealm | None = None
    """A realm of the user's, to serve instead of one of pbrealm's."""

    state: Callable[[str], Any] | None = None
    """Makes or loads the state of an avatar id, for C{kind} C{"shared"}."""

    store: SQLiteStore | None = None
    """Keeps the states, or that of the demonstration's avatars; L{None} if none are kept."""

    linger: float | None = None
    """Seconds that an avatar, or its state, is kept after its last session; L{None} for good."""

    limit: int | Callable[[str], int] | None = None
    """How many sessions an avatar id may have; L{None} for any number."""

    total: int | None = None
    """How many sessions there may be in all; L{None} for any number."""

    on_full: IFullPolicy | None = None
    """What to do with a login beyond C{limit} or C{total}; L{None} to refuse it."""

    guests: Callable[[str], Any] | None = None
    """Makes the avatars of guests from an avatar id; L{None} to refuse guests."""

    guest_names: Collection[str] = ()
    """The accounts whose logins are those of guests."""


def names_a_realm(options: Mapping[str, Any]) -> bool:
    """Whether C{--realm} is given and is the dotted name of a realm of the user's."""
    return options["realm"] is not None and options["realm"] not in REALM_KINDS


def parse_realm_options(options: Mapping[str, Any]) -> RealmOptions:
    """
    Parse the options that belong to the realm, and import the objects that they name.

    @param options: free of contradictions.
    @raise UsageError: if a value doesn't parse, or can't be imported.
    """
    return RealmOptions(
        linger=_linger(options),
        guest_names=tuple(options["guest-name"]),
        **_session_limits(options),
        **_factories(options),
    )


def _linger(options: Mapping[str, Any]) -> float | None:
    if options["linger"] is None and options["store"] is not None:
        return STORED_LINGER
    return cast("float | None", _parse("linger", options, parse_seconds))


def _session_limits(options: Mapping[str, Any]) -> dict[str, Any]:
    limit, total = (_parse(option, options, parse_count) for option in ("limit", "total"))
    if options["demo"] and limit is None and total is None:
        return {"limit": demo_limit, "on_full": DemoPolicy()}
    policy = _parse("on-full", options, parse_policy)
    return {"limit": limit, "total": total, "on_full": policy}


def _factories(options: Mapping[str, Any]) -> dict[str, Any]:
    store = _parse("store", options, parse_store)
    if options["demo"]:
        return {"avatar": demo_avatars(store), "guests": DemoAvatar, "store": store}
    found = {
        option: _parse(option, options, import_factory) for option in ("avatar", "state", "guests")
    }
    if names_a_realm(options):
        return found | {"realm": _import_realm(options["realm"])}
    if store is not None:
        found |= {"state": store.load, "store": store}
    return found | {"kind": options["realm"] or "caching"}


def _parse(option: str, options: Mapping[str, Any], parser: Callable[[str, str], Any]) -> Any:
    text = options[option]
    return None if text is None else parser(option, text)


def _import_realm(path: str) -> IRealm:
    realm = import_option("realm", path)
    if IRealm.providedBy(realm):
        return realm
    if not callable(realm):
        raise UsageError(
            f"--realm {path} must name an IRealm provider or a callable that makes one, "
            f"not an object of type {qual(type(realm))}"
        )
    try:
        made = realm()
    except Exception as why:
        raise UsageError(f"--realm {path} failed with {describe(why)}") from why
    if not IRealm.providedBy(made):
        raise UsageError(
            f"--realm {path} must make an IRealm provider, "
            f"not an object of type {qual(type(made))}"
        )
    return made
