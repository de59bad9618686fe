"""
The command: C{twistd pbrealm} and C{twist pbrealm}, their options, and the service they make.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import IService
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import AuthOptionMixin
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.python.reflect import qual
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from pbrealm._command.checkers import (
    PASSWORD_INTERFACES,
    PB_INTERFACES,
    chain_checkers,
    make_checker,
    memory_checker,
)
from pbrealm._command.demo import ACCOUNTS, DemoAvatar, DemoPolicy, demo_limit
from pbrealm._command.import_name import import_name, one_line
from pbrealm._command.limit_options import bounds_from, parameters
from pbrealm._command.realm import RealmOptions, make_realm
from pbrealm._command.service import PBService
from pbrealm._delivery.backlog import Backlog
from pbrealm._server.factory import ServerFactory
from pbrealm._server.limits import Limits
from pbrealm.interfaces import IFullPolicy
from pbrealm.policies import PingOldest, Refuse, ReplaceOldest, WaitForRoom
from pbrealm.realms._journal import JournalRealm

DEFAULT_ENDPOINT = "tcp:8787:interface=127.0.0.1"

POLICIES: dict[str, Callable[[], IFullPolicy]] = {
    "refuse": Refuse,
    "replace": ReplaceOldest,
    "ping": PingOldest,
    "wait": WaitForRoom,
}

KINDS = ("caching", "shared", "disposable")


class Options(UsageOptions, AuthOptionMixin):
    """
    What was asked for on the command line.

    @ivar endpoints: where to listen, each with the string it was given as.
    @ivar wanted: the realm to serve.
    @ivar checkers: who checks the logins.
    @ivar limits: what clients may do.
    @ivar backlog: how much may wait for each.
    """

    longdesc = "Serves avatars over Perspective Broker, and knows who is logged in."

    supportedInterfaces = PB_INTERFACES

    optFlags = [
        ["demo", None, "Serve the built-in demonstration avatar, with alice, bob and guests."],
    ]

    optParameters = [
        ["avatar", None, None, "Dotted name of the avatar class or factory."],
        [
            "realm",
            None,
            None,
            "caching, shared, disposable, or the dotted name of an IRealm or of a callable that "
            "makes one. [default: caching]",
        ],
        ["state", None, None, "Dotted name of the state factory, for --realm shared."],
        ["limit", None, None, "How many sessions an account may have at once."],
        ["total", None, None, "How many sessions there may be at once in all."],
        [
            "on-full",
            None,
            None,
            "What to do with one more: refuse it, let it replace the oldest, ping the oldest and "
            "replace it if it's dead, or wait. [default: refuse]",
        ],
        ["guests", None, None, "Dotted name of the avatar class or factory for guests."],
        [
            "linger",
            None,
            None,
            "Seconds that an avatar outlives its last session. [default: for good]",
        ],
        *parameters(),
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["guest-name"] = []
        self["credCheckers"] = []
        self.endpoints: list[tuple[str, IStreamServerEndpoint]] = []
        self.checkers: list[ICredentialsChecker] = []
        self.wanted = RealmOptions()
        self.limits = Limits()
        self.backlog = Backlog()

    def opt_listen(self, endpoint: str) -> None:
        """
        Endpoint to serve at; repeatable. [default: tcp:8787:interface=127.0.0.1]
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_guest_name(self, name: str) -> None:
        """
        An account to treat as a guest; repeatable.
        """
        self["guest-name"].append(name)

    def opt_auth(self, description: str) -> None:
        """
        How to check logins, as in file:passwords; repeatable, tried in the order given.
        """
        try:
            self.addChecker(make_checker(description))
        except ValueError as why:
            raise UsageError(str(why)) from why

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse the arguments.

        @raise UsageError: with a sentence on what is wrong with them.
        @raise SystemExit: with that sentence and exit status 1, on behalf of a command.
        """
        try:
            super().parseOptions(options)
        except UsageError as why:
            if self.parent is None:
                raise
            # twistd would print its own help, and not ours, before the sentence; twist would
            # print it after, and exit with another status.
            raise SystemExit(f"pbrealm: {why}") from None

    def parseArgs(self, *arguments: str) -> None:
        if arguments:
            raise UsageError(f"only options are expected, not {arguments[0]!r}")

    def postOptions(self) -> None:
        """
        See whether what was asked for makes sense, and find or make all that it names.

        @raise UsageError: if it doesn't.
        """
        self._contradictions()
        self.endpoints = [(name, _endpoint(name)) for name in self["listen"] or [DEFAULT_ENDPOINT]]
        limits: dict[str, Any] = {name: self._count(name) for name in ("limit", "total")}
        limits["on_full"] = self._policy()
        if self["demo"] and self["limit"] is None and self["total"] is None:
            limits = {"limit": demo_limit, "on_full": DemoPolicy()}
        self.wanted = RealmOptions(
            linger=self._seconds("linger"),
            guest_names=tuple(self["guest-name"]),
            **limits,
            **self._avatars(),
        )
        self.checkers = self._checkers()
        try:
            self.limits = bounds_from(Limits, self)
            self.backlog = bounds_from(Backlog, self)
        except ValueError as why:
            raise UsageError(str(why)) from why

    def _contradictions(self) -> None:
        if self._foreign() and "." not in self["realm"]:
            raise UsageError(
                "--realm must be caching, shared, disposable or a dotted name, "
                f"not {self['realm']!r}"
            )
        for others, option in (
            (("avatar", "realm", "state", "guests"), "demo"),
            (("avatar", "state", "linger"), "realm"),
        ):
            if option == "realm" and not self._foreign():
                continue
            for other in others:
                if self[option] and self[other] is not None:
                    value = "" if option == "demo" else f" {self['realm']}"
                    raise UsageError(f"--{option}{value} leaves nothing for --{other} to say")
        if self["realm"] == "disposable" and self["linger"] is not None:
            raise UsageError("--linger is of no use with --realm disposable, which keeps nothing")
        if self["realm"] == "shared" and self["state"] is None:
            raise UsageError("--realm shared needs --state, the factory of what is shared")
        if self["realm"] != "shared" and self["state"] is not None:
            raise UsageError("--state is for --realm shared only")
        if self["on-full"] is not None and self["limit"] is None and self["total"] is None:
            raise UsageError("--on-full needs --limit or --total, without which nothing is full")
        if not self["demo"]:
            self._ways_in()

    def _ways_in(self) -> None:
        passwords = any(
            interface in PASSWORD_INTERFACES
            for checker in self["credCheckers"]
            for interface in checker.credentialInterfaces
        )
        if not self["credCheckers"] and self["guests"] is None:
            raise UsageError("nobody could log in: give --auth, --guests or --demo")
        if self["guest-name"] and self["guests"] is None:
            raise UsageError("--guest-name needs --guests, the avatar that guests get")
        if self["guest-name"] and not passwords:
            raise UsageError("--guest-name needs --auth, which knows the password of the account")
        if self["avatar"] is not None or self._foreign():
            if self["guests"] is None and not passwords and not self._foreign():
                raise UsageError("--auth anonymous needs --guests, the avatar that guests get")
            return
        if passwords or self["guests"] is None:
            raise UsageError("--avatar is missing, the avatar that those who log in get")
        for option in ("realm", "linger"):
            if self[option] is not None:
                raise UsageError(f"--{option} needs --avatar: guests get an avatar each login")

    def _foreign(self) -> bool:
        return self["realm"] is not None and self["realm"] not in KINDS

    def _count(self, option: str) -> int | None:
        given = self[option]
        if given is None:
            return None
        try:
            number = int(given)
        except ValueError:
            number = 0
        if number < 1:
            raise UsageError(f"--{option} must be a positive whole number, not {given!r}")
        return number

    def _seconds(self, option: str) -> float | None:
        given = self[option]
        if given is None:
            return None
        try:
            number = float(given)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise UsageError(f"--{option} must be a number of seconds, 0 or more, not {given!r}")
        return number

    def _policy(self) -> IFullPolicy | None:
        given = self["on-full"]
        if given is None:
            return None
        if given not in POLICIES:
            raise UsageError(f"--on-full must be refuse, replace, ping or wait, not {given!r}")
        return POLICIES[given]()

    def _avatars(self) -> dict[str, Any]:
        if self["demo"]:
            return {"avatar": DemoAvatar, "guests": DemoAvatar}
        found: dict[str, Any] = {
            option: self._factory(option) for option in ("avatar", "state", "guests")
        }
        if self._foreign():
            found["realm"] = self._realm()
        elif self["realm"] is not None:
            found["kind"] = self["realm"]
        return found

    def _named(self, option: str) -> Any:
        # As with `python -m`; the commands are scripts, which look beside themselves instead.
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            return import_name(self[option])
        except LookupError as why:
            raise UsageError(f"--{option} {self[option]}: {why}") from why

    def _factory(self, option: str) -> Any:
        if self[option] is None:
            return None
        named = self._named(option)
        if not callable(named):
            raise UsageError(
                f"--{option} {self[option]} is neither a class nor callable, "
                f"but of type {qual(type(named))}"
            )
        return named

    def _realm(self) -> IRealm:
        given = self["realm"]
        realm = self._named("realm")
        if not IRealm.providedBy(realm) and callable(realm):
            try:
                realm = realm()
            except Exception as why:
                raise UsageError(f"--realm {given} failed with {one_line(why)}") from why
            given = f"{given}()"
        if not IRealm.providedBy(realm):
            raise UsageError(
                f"--realm {given} does not provide IRealm, it is of type {qual(type(realm))}"
            )
        return realm

    def _checkers(self) -> list[ICredentialsChecker]:
        checkers = list(self["credCheckers"])
        if self["demo"]:
            checkers.append(memory_checker(ACCOUNTS))
        if self.wanted.guests is not None:
            checkers.append(AllowAnonymousAccess())
        return chain_checkers(checkers)


def makeService(options: Options) -> IService:
    """
    The service that was asked for: the realm, what keeps it in order, and where it's served.
    """
    # Not before it's known which reactor the command is to run.
    from twisted.internet import reactor

    portal = Portal(JournalRealm(make_realm(options.wanted)), options.checkers)
    factory = ServerFactory(portal, options.limits, options.backlog)
    return PBService(options.endpoints, factory, reactor)


def _endpoint(description: str) -> IStreamServerEndpoint:
    from twisted.internet import reactor

    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
        return endpoint
    except TypeError:
        # Its text is about the parameters of a function inside Twisted.
        problem = "wrong or missing arguments"
    except Exception as why:
        problem = one_line(why)
    raise UsageError(f"--listen {description!r} is no endpoint such as tcp:8787 ({problem})")
