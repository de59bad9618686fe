"""
The options of C{twistd pbrealm} and C{twist pbrealm}: their declarations and their parsing.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.strcred import AuthOptionMixin
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from pbrealm._command.checkers import (
    PB_INTERFACES,
    chain_checkers,
    make_checker,
    memory_checker,
)
from pbrealm._command.demo import ACCOUNTS
from pbrealm._command.endpoints import DEFAULT_ENDPOINT, NamedEndpoint, listen_endpoint
from pbrealm._command.limit_options import limit_parameters, parse_limits
from pbrealm._command.option_conflicts import check_conflicts
from pbrealm._command.realm_options import RealmOptions, parse_realm_options
from pbrealm._delivery.backlog import Backlog
from pbrealm._server.limits import Limits


class Options(UsageOptions, AuthOptionMixin):
    """
    The parsed options.  As a mapping, it has the values as they were given.

    @ivar endpoints: where to listen.
    @ivar realm_options: which realm to serve.
    @ivar checkers: the credentials checkers for the portal.
    @ivar limits: the limits for each client.
    @ivar backlog: the limits on what may wait to be sent to each client.
    """

    longdesc = "Serves avatars over Perspective Broker, and manages the sessions of their clients."

    supportedInterfaces = PB_INTERFACES

    optFlags = [
        [
            "demo",
            None,
            "Serve the built-in demonstration avatar, with accounts alice and bob, and guests.",
        ],
    ]

    optParameters = [
        ["avatar", None, None, "Dotted name of the avatar class or factory."],
        [
            "realm",
            None,
            None,
            "caching, shared, disposable, or the dotted name of an IRealm provider or of a "
            "callable that makes one. [default: caching]",
        ],
        ["state", None, None, "Dotted name of the state factory, for --realm shared."],
        ["limit", None, None, "Number of sessions that an account may have at the same time."],
        ["total", None, None, "Number of sessions that there may be in all at the same time."],
        [
            "on-full",
            None,
            None,
            "What happens to a login beyond --limit or --total. refuse: it is refused. replace: "
            "it replaces the oldest session. ping: it replaces the oldest session if that "
            "client doesn't answer. wait: it waits for a session to end. [default: refuse]",
        ],
        ["guests", None, None, "Dotted name of the avatar class or factory for guests."],
        [
            "linger",
            None,
            None,
            "Seconds that an avatar, or shared state, is kept after its last session. "
            "[default: for good]",
        ],
        *limit_parameters(),
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["guest-name"] = []
        self["credCheckers"] = []
        self.endpoints: list[NamedEndpoint] = []
        self.checkers: list[ICredentialsChecker] = []
        self.realm_options = RealmOptions()
        self.limits = Limits()
        self.backlog = Backlog()

    def opt_listen(self, endpoint: str) -> None:
        """
        Endpoint string of where to listen; repeatable. [default: tcp:8787:interface=127.0.0.1]
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_guest_name(self, name: str) -> None:
        """
        Name of an account whose logins are those of guests; repeatable.
        """
        self["guest-name"].append(name)

    def opt_auth(self, description: str) -> None:
        """
        Credentials checker, such as file:passwords; repeatable, asked in the order given.
        """
        self.addChecker(make_checker(description))

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse the arguments.

        @raise UsageError: if they are wrong.
        @raise SystemExit: instead of that, if these are the options of a subcommand: with the
            message for the user, and exit status 1.
        """
        try:
            super().parseOptions(options)
        except UsageError as why:
            if self.parent is None:
                raise
            # twistd would print the help of twistd before the message.  twist would print its
            # help after the message, and exit with another status.
            raise SystemExit(f"pbrealm: {why}") from None

    def parseArgs(self, *arguments: str) -> None:
        if arguments:
            raise UsageError(f"unexpected argument {arguments[0]!r}: give options only")

    def postOptions(self) -> None:
        """
        Parse the values, and make or import what they name.

        @raise UsageError: if that is impossible, or if the options contradict each other.
        """
        check_conflicts(self)
        self.endpoints = [
            listen_endpoint(description) for description in self["listen"] or [DEFAULT_ENDPOINT]
        ]
        self.realm_options = parse_realm_options(self)
        self.checkers = self._make_checkers()
        self.limits = parse_limits(Limits, self)
        self.backlog = parse_limits(Backlog, self)

    def _make_checkers(self) -> list[ICredentialsChecker]:
        checkers = list(self["credCheckers"])
        if self["demo"]:
            checkers.append(memory_checker(ACCOUNTS))
        if self.realm_options.guests is not None:
            checkers.append(AllowAnonymousAccess())
        return chain_checkers(checkers)
