"""
The credentials checkers that C{--auth} makes, adapted to Perspective Broker and to its portal.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from twisted.cred.checkers import (
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import IAnonymous, ICredentials, IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.strcred import InvalidAuthType, findCheckerFactory
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.usage import UsageError
from twisted.spread.pb import IUsernameMD5Password
from zope.interface import Interface, implementer

from pbrealm._error_text import describe

PASSWORD_INTERFACES: Sequence[type[Interface]] = (IUsernameHashedPassword, IUsernameMD5Password)
"""The interfaces of the credentials of a login with a password, which provide both."""

PB_INTERFACES: Sequence[type[Interface]] = (*PASSWORD_INTERFACES, IAnonymous)
"""The interfaces of all credentials that a Perspective Broker client can log in with."""


def make_checker(description: str) -> ICredentialsChecker:
    """
    Make the checker of one C{--auth}.

    @param description: C{TYPE[:ARGS]}, as for L{twisted.cred.strcred}.
    @raise UsageError: if there is no checker of this type, or it can't be made from ARGS, or it
        can't check the logins of Perspective Broker clients.  The text doesn't repeat ARGS, which
        may contain passwords.
    """
    auth_type, _, arguments = description.partition(":")
    try:
        factory = findCheckerFactory(auth_type)
    except InvalidAuthType as why:
        raise UsageError(
            f"--auth must be one of the types that --help-auth lists, not {auth_type!r}"
        ) from why
    unsuitable = UsageError(
        f"--auth {auth_type} can't check logins over Perspective Broker, where clients don't send "
        "their password; --help-auth lists the types that can"
    )
    if not _checks_any(factory.credentialInterfaces, PB_INTERFACES):
        raise unsuitable
    _check_arguments(auth_type, arguments)
    try:
        checker: ICredentialsChecker = factory.generateChecker(arguments)
    except Exception as why:
        raise UsageError(f"--auth {auth_type} failed with {describe(why)}") from why
    # The factory lists what its checkers can have; this one may have hashed passwords only.
    if not _checks_any(checker.credentialInterfaces, PB_INTERFACES):
        raise unsuitable
    return _adapted(checker)


def takes_passwords(checker: ICredentialsChecker) -> bool:
    """Whether a checker checks logins with a password."""
    return _checks_any(checker.credentialInterfaces, PASSWORD_INTERFACES)


def _checks_any(interfaces: Iterable[type[Interface]], wanted: Sequence[type[Interface]]) -> bool:
    return any(interface in wanted for interface in interfaces)


def _check_arguments(auth_type: str, arguments: str) -> None:
    if auth_type == "memory" and (not arguments or len(arguments.split(":")) % 2):
        raise UsageError("--auth memory needs names and passwords, as in memory:alice:secret")
    if auth_type == "file":
        if not arguments.strip():
            raise UsageError("--auth file needs the name of a file, as in file:passwords")
        _check_password_file(arguments)


def _check_password_file(path: str) -> None:
    shown = os.path.abspath(path)
    try:
        with open(path, "rb") as file:
            # As FilePasswordDB reads it, and with a name.
            usable = any(not line.startswith(b":") and b":" in line.rstrip() for line in file)
    except OSError as why:
        raise UsageError(f"--auth file can't read {shown}: {why.strerror}") from why
    if not usable:
        raise UsageError(f"--auth file finds no line like name:password in {shown}")


def _adapted(checker: ICredentialsChecker) -> ICredentialsChecker:
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        return memory_checker(checker.users)
    if isinstance(checker, FilePasswordDB):
        # It opens the file at each login, when twistd has changed to its --rundir already.
        checker.filename = os.path.abspath(checker.filename)
    return checker


def memory_checker(
    users: Mapping[str, str] | Mapping[bytes, bytes],
) -> InMemoryUsernamePasswordDatabaseDontUse:
    """
    Make a checker that holds these names and passwords in memory.

    It holds them as bytes, since it compares them with bytes from the connection.  The checker
    that strcred makes holds strings, and nobody could log in with it.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in users.items():
        checker.addUser(_as_bytes(name), _as_bytes(password))
    return checker


def _as_bytes(text: str | bytes) -> bytes:
    # Python decodes bytes of the command line that aren't UTF-8 to surrogates; this undoes that.
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


@implementer(ICredentialsChecker)
class CheckerChain:
    """
    A checker that asks several others one after another, until one accepts the credentials.
    """

    def __init__(
        self, checkers: Sequence[ICredentialsChecker], interfaces: Sequence[type[Interface]]
    ) -> None:
        """
        @param checkers: in the order in which to ask them.
        @param interfaces: of the credentials to check.
        """
        self.credentialInterfaces = interfaces
        self._checkers = checkers

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[bytes | tuple[()]]:
        """
        Ask one checker after another.

        @return: fires with the avatar id from the first checker that accepts the credentials.  It
            fails with the last checker's L{UnauthorizedLogin} or L{UnhandledCredentials} if none
            does.  If a checker fails with any other exception, it fails with that and asks no
            further checker.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> bytes | tuple[()]:
        refusal: Exception = UnauthorizedLogin("there is no checker to ask")
        for checker in self._checkers:
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except (UnauthorizedLogin, UnhandledCredentials) as why:
                refusal = why
        raise refusal


def chain_checkers(checkers: Iterable[ICredentialsChecker]) -> list[ICredentialsChecker]:
    """
    Chain checkers, for a portal that is to ask all of them.

    A portal keeps only one checker for each interface, and asks only the one of the first
    interface that the credentials provide.

    @param checkers: in the order in which to ask them.
    @return: a chain for logins with a password and one for anonymous logins, as far as there are
        checkers for them.
    """
    checkers = list(checkers)
    kinds: tuple[Sequence[type[Interface]], ...] = (PASSWORD_INTERFACES, (IAnonymous,))
    return [
        CheckerChain(able, kind)
        for kind in kinds
        if (able := [each for each in checkers if _checks_any(each.credentialInterfaces, kind)])
    ]
