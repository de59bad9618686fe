"""
What strcred's C{--auth} makes, in a form that serves Perspective Broker.
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
from twisted.spread.pb import IUsernameMD5Password
from zope.interface import Interface, implementer

from pbrealm._command.import_name import one_line

PASSWORD_INTERFACES: Sequence[type[Interface]] = (IUsernameHashedPassword, IUsernameMD5Password)
"""The credentials of a login with a password provide both."""

PB_INTERFACES: Sequence[type[Interface]] = (*PASSWORD_INTERFACES, IAnonymous)
"""All that a client can log in by."""


def make_checker(description: str) -> ICredentialsChecker:
    """
    Make the checker of one C{--auth}.

    @param description: C{TYPE[:ARGS]}; what is raised never repeats ARGS, which hold passwords.
    @raise ValueError: with a sentence on what is wrong with it.
    """
    kind, _, arguments = description.partition(":")
    try:
        factory = findCheckerFactory(kind)
    except InvalidAuthType as why:
        raise ValueError(f"there is no --auth {kind!r}; --help-auth lists what there is") from why
    unsuited = ValueError(
        f"--auth {kind} can't serve Perspective Broker, whose clients prove that they know a "
        "password without sending it"
    )
    if not serves_pb(factory.credentialInterfaces):
        raise unsuited
    _check_arguments(kind, arguments)
    try:
        checker: ICredentialsChecker = factory.generateChecker(arguments)
    except Exception as why:
        raise ValueError(f"--auth {kind} failed with {one_line(why)}") from why
    # The factory knows of what its checkers can be; this one may keep its passwords hashed.
    if not serves_pb(checker.credentialInterfaces):
        raise unsuited
    return _mended(checker)


def serves_pb(interfaces: Iterable[type[Interface]]) -> bool:
    """Whether a checker for these credentials is of any use to a client."""
    return any(interface in PB_INTERFACES for interface in interfaces)


def _check_arguments(kind: str, arguments: str) -> None:
    if kind == "memory" and (not arguments or len(arguments.split(":")) % 2):
        raise ValueError("--auth memory needs names and passwords, as in memory:alice:secret")
    if kind == "file":
        if not arguments.strip():
            raise ValueError("--auth file needs the name of a file, as in file:passwords")
        try:
            open(arguments, "rb").close()
        except OSError as why:
            raise ValueError(f"--auth file can't read {arguments}: {why.strerror}") from why


def _mended(checker: ICredentialsChecker) -> ICredentialsChecker:
    if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
        return memory_checker(checker.users)
    if isinstance(checker, FilePasswordDB):
        # It's opened at each login, which is after twistd has changed to its --rundir.
        checker.filename = os.path.abspath(checker.filename)
    return checker


def memory_checker(
    users: Mapping[str, str] | Mapping[bytes, bytes],
) -> InMemoryUsernamePasswordDatabaseDontUse:
    """
    A checker with these names and passwords in memory, all as bytes: it compares what it's given
    with what comes off the wire, which is bytes, and hashes it, which takes bytes.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for name, password in users.items():
        checker.addUser(_as_bytes(name), _as_bytes(password))
    return checker


def _as_bytes(text: str | bytes) -> bytes:
    # What an argument held that isn't UTF-8 comes as surrogates, and goes back as it came.
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


@implementer(ICredentialsChecker)
class CheckerChain:
    """
    Several checkers where a portal has room for one: the first that knows the client lets it in.
    """

    def __init__(
        self, checkers: Sequence[ICredentialsChecker], interfaces: Sequence[type[Interface]]
    ) -> None:
        """
        @param interfaces: of the credentials, each of which every checker is tried with.
        """
        self.credentialInterfaces = interfaces
        self._checkers = checkers

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[bytes | tuple[()]]:
        """
        Ask one checker after another.

        @return: fires with the first avatar id.  It fails with L{UnauthorizedLogin} if none knows
            the client, and at once with anything else that one fails with.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> bytes | tuple[()]:
        refusal: Exception = UnauthorizedLogin("nobody knows the client")
        for checker in self._checkers:
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except (UnauthorizedLogin, UnhandledCredentials) as why:
                refusal = why
        raise refusal


def chain_checkers(checkers: Iterable[ICredentialsChecker]) -> list[ICredentialsChecker]:
    """
    The checkers for a portal, which keeps only the last it is given for each interface, and asks
    only the one of the first interface that the credentials provide.

    @param checkers: in the order in which they are to be asked.
    """
    checkers = list(checkers)
    answer: list[ICredentialsChecker] = []
    families: tuple[Sequence[type[Interface]], ...] = (PASSWORD_INTERFACES, (IAnonymous,))
    for family in families:
        able = [
            checker
            for checker in checkers
            if any(interface in family for interface in checker.credentialInterfaces)
        ]
        if able:
            answer.append(CheckerChain(able, family))
    return answer
