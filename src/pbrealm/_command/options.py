"""
The options of C{twistd pbrealm} and C{twist pbrealm}: their declarations and their parsing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.strcred import AuthOptionMixin
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from pbrealm._command.admin_options import AdminOptions, parse_admin_options
from pbrealm._command.checkers import (
    PB_INTERFACES,
    chain_checkers,
    make_checker,
    memory_checker,
)
from pbrealm._command.demo import ACCOUNTS
from pbrealm._command.endpoints import DEFAULT_ENDPOINT, NamedEndpoint, listen_endpoint
from pbrealm._command.help import grouped_usage
from pbrealm._command.limit_options import limit_parameters, parse_limits
from pbrealm._command.option_conflicts import check_conflicts
from pbrealm._command.option_values import parse_method
from pbrealm._command.realm_options import STORED_LINGER, RealmOptions, parse_realm_options
from pbrealm._delivery.backlog import Backlog
from pbrealm._server.limits import Limits
from pbrealm._session.goodbye import GOODBYE


class Options(UsageOptions, AuthOptionMixin):
    """
    The parsed options.  As a mapping, it has the values as they were given.

    @ivar endpoints: where to listen.
    @ivar realm_options: which realm to serve.
    @ivar goodbye: the method of minds that is called when the server ends a session, or L{None}.
    @ivar checkers: the credentials checkers for the portal.
    @ivar limits: the limits for each client.
    @ivar backlog: the limits on what may wait to be sent to each client.
    @ivar admin: what administration is wanted, or L{None}.
    """

    longdesc = "Serves avatars over Perspective Broker, and manages the sessions of their clients."

    supportedInterfaces = PB_INTERFACES

    optFlags = [
        [
            "demo",
            None,
            "Serve the built-in demonstration avatar, to guests and to the accounts alice and "
            "bob, both with the password secret.",
        ],
        [
            "admin-insecure",
            None,
            "Let --admin listen on another address than loopback also without TLS.",
        ],
    ]

    optParameters = [
        [
            "avatar",
            None,
            None,
            "Dotted name of the avatar class or factory, which is called with the avatar id, and "
            "for --realm shared also with the state.",
        ],
        [
            "realm",
            None,
            None,
            "How avatars are made. caching: one for each account. shared: one for each session, "
            "with state for each account. disposable: one for each session. Otherwise the dotted "
            "name of an IRealm provider, or of a callable that makes one. [default: caching]",
        ],
        [
            "state",
            None,
            None,
            "Dotted name of the state factory for --realm shared, which is called with the avatar "
            "id.",
        ],
        [
            "store",
            None,
            None,
            "File that keeps the state of each account, so that it outlives the process, for "
            "--realm shared instead of --state, or for --demo. It's made if there is none. "
            "[default: the state is in memory only]",
        ],
        [
            "limit",
            None,
            None,
            "Number of sessions that an account may have at the same time. [default: any number]",
        ],
        [
            "total",
            None,
            None,
            "Number of sessions that there may be in all at the same time. [default: any number]",
        ],
        [
            "on-full",
            None,
            None,
            "What happens to a login beyond --limit or --total. refuse: the login is refused. "
            "replace: the oldest session is replaced, unless it has itself replaced another in "
            "the last 10 seconds. ping: the oldest session is replaced if its client doesn't "
            "answer within 10 seconds. wait: the login waits up to 30 seconds for a session to "
            "end. Other seconds follow a colon, as in replace:60. [default: refuse]",
        ],
        [
            "goodbye",
            None,
            None,
            "Method of minds that is called when the server ends a session, as "
            "remote_goodbye(code, text, reconnect); none for clients without the method. "
            "[default: goodbye]",
        ],
        [
            "guests",
            None,
            None,
            "Dotted name of the avatar class or factory for anonymous logins, each of which gets "
            "an avatar of its own. [default: anonymous logins are refused]",
        ],
        [
            "linger",
            None,
            None,
            "Seconds that an avatar, or the state of an account, is kept in memory after its last "
            f"session. [default: {STORED_LINGER:g} with --store, otherwise for good]",
        ],
        [
            "admin-token",
            None,
            None,
            "File with the token that those who use the administration need, except on a UNIX "
            "socket that only some may open: 16 characters or more. It's required to listen on "
            "another address than loopback. [default: none is needed]",
        ],
        *limit_parameters(),
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["guest-name"] = []
        self["admin"] = []
        self["admin-host"] = []
        self["credCheckers"] = []
        self.endpoints: list[NamedEndpoint] = []
        self.checkers: list[ICredentialsChecker] = []
        self.realm_options = RealmOptions()
        self.goodbye: str | None = GOODBYE
        self.limits = Limits()
        self.backlog = Backlog()
        self.admin: AdminOptions | None = None

    def opt_listen(self, endpoint: str) -> None:
        """
        Endpoint string of where to listen, such as tcp:8787, ssl:8787:certKey=server.pem or
        unix:/run/pbrealm.sock. Can be repeated. [default: tcp:8787:interface=127.0.0.1]
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_guest_name(self, name: str) -> None:
        """
        Name of an account whose logins are those of guests. Can be repeated.
        """
        self["guest-name"].append(name)

    def opt_admin(self, endpoint: str) -> None:
        """
        Endpoint string of where to serve the administration over HTTP, such as
        unix:/run/pbrealm/admin.sock, tcp:8788:interface=127.0.0.1 or ssl:8788:certKey=server.pem.
        A UNIX socket is its owner's alone, unless the string has a mode, as in
        unix:admin.sock:mode=660. It needs the extra pbrealm[admin]. Can be repeated. [default:
        there is none]
        """
        self["admin"].append(endpoint)

    def opt_admin_host(self, name: str) -> None:
        """
        Name of the host that those who use the administration may ask for, besides localhost and
        the address that it listens at. Can be repeated.
        """
        self["admin-host"].append(name)

    def opt_auth(self, description: str) -> None:
        """
        Credentials checker, such as file:passwords or memory:alice:secret; --help-auth lists the
        types. Can be repeated: checkers are asked in the order given.
        """
        self.addChecker(make_checker(description))

    def getUsage(self, width: int | None = None) -> str:
        """
        Describe the options, in groups.

        @param width: columns; by default those of the terminal, as far as the environment says.
        """
        return grouped_usage(self, self.longdesc, width or int(os.environ.get("COLUMNS", "80")))

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
        if self["goodbye"] is not None:
            self.goodbye = parse_method("goodbye", self["goodbye"])
        self.checkers = self._make_checkers()
        self.limits = parse_limits(Limits, self)
        self.backlog = parse_limits(Backlog, self)
        self.admin = parse_admin_options(self)

    def _make_checkers(self) -> list[ICredentialsChecker]:
        checkers = list(self["credCheckers"])
        if self["demo"]:
            checkers.append(memory_checker(ACCOUNTS))
        if self.realm_options.guests is not None:
            checkers.append(AllowAnonymousAccess())
        return chain_checkers(checkers)
