"""
What clients log in by: the root object of a connection, and the challenges that it gives out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from types import CoroutineType
from typing import Any, TypeAlias

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.spread import pb
from twisted.spread.flavors import IPBRoot
from zope.interface import implementer

from pbrealm._eager import start
from pbrealm._server.broker import ServerBroker
from pbrealm._server.login import HandWrittenRealm, PortalLogin
from pbrealm._server.login_methods import LoginMethods
from pbrealm._server.login_refusal import journal_refusal, raise_for_client
from pbrealm.errors import LoginRefused, Reason, SessionEnded
from pbrealm.interfaces import ISessionRealm
from pbrealm.logins import Login, LoginChallenge

_Awaited: TypeAlias = "Deferred[object] | CoroutineType[Any, Any, object]"


@implementer(IPBRoot)
class PortalRoot:
    """
    Makes the L{LoginRoot} of each connection.
    """

    def __init__(self, portal: Portal, methods: LoginMethods) -> None:
        if not ISessionRealm.providedBy(portal.realm):
            portal = copy(portal)
            portal.realm = HandWrittenRealm(portal.realm)
        self.portal = portal
        self._methods = methods

    def rootObject(self, broker: ServerBroker) -> LoginRoot:
        return LoginRoot(PortalLogin(self.portal, broker), self._methods, broker)


class LoginRoot(pb.Referenceable):
    """
    The root object of one connection: its methods are the login methods of the server.
    """

    def __init__(
        self, portal_login: PortalLogin, methods: LoginMethods, broker: ServerBroker
    ) -> None:
        self._portal_login = portal_login
        self._methods = methods
        self._resumption = broker.client.resumption_methods
        self._broker = broker
        self._client = broker.client
        self._logins = broker.client.logins

    def find(self, target: object, name: str, count: int) -> Callable[..., object]:
        """
        Find the method that a client calls.

        @param target: this root, or the challenge.
        @param count: how many arguments the client passes.
        @raise LoginRefused: if there is none that takes so many.
        """
        method: Callable[..., object] | None
        if isinstance(target, LoginChallenge):
            method = target.method_for(name, count)
        else:
            method = self._methods.find(name, count) or self._resumption.find(name, count)
        if method is None:
            raise LoginRefused("no login method has this name and number of arguments")
        return method

    def call(
        self, target: object, method: Callable[..., object], args: Sequence[object]
    ) -> object:
        """
        A client begins a login, or responds to a challenge.

        @param target: this root, or the challenge.
        @param method: what L{find} has found.
        @return: what the client is answered: what it gets a reference to, or what a login method
            has it go on with; or a Deferred of either.
        @raise LoginRefused: if the client may not log in.
        """
        self._logins.check_not_exhausted()
        try:
            if isinstance(target, LoginChallenge):
                self._end_challenge(target)
                result = method(*args)
            else:
                result = method(self._client, *args)
        except BaseException as why:
            self._logins.count_refusal()
            journal_refusal(None, self._client.peer, why)
            raise_for_client(why)
        if isinstance(result, Login):
            return start(self._portal_login.log_in(self._logins.begin_login(), result))
        if isinstance(result, (Deferred, CoroutineType)):
            return start(self._wait_for(result))
        return result

    async def _wait_for(self, awaited: _Awaited) -> object:
        """Wait for a login method that takes its time, which counts as a pending login."""
        try:
            pending = self._logins.begin_login()
        except BaseException:
            _give_up(awaited)
            raise
        try:
            result = await self._logins.wait(ensureDeferred(awaited))
            if self._client.lost:
                raise SessionEnded(Reason.DISCONNECTED)
        except BaseException as why:
            self._logins.refused(pending)
            journal_refusal(None, self._client.peer, why)
            raise_for_client(why)
        if isinstance(result, Login):
            return await self._portal_login.log_in(pending, result)
        self._logins.suspended(pending)
        return result

    def give_out(self, challenge: LoginChallenge) -> None:
        """
        A challenge is about to be sent to the client.

        @raise LoginRefused: if too many challenges wait for their response.
        """
        # Only this private table tells when the client drops the challenge without a response.
        ends, key = self._broker._localCleanup, challenge.processUniqueID()
        if key not in ends:
            self._logins.begin_challenge()
            ends[key] = self._logins.end_challenge

    def _end_challenge(self, challenge: LoginChallenge) -> None:
        end = self._broker._localCleanup.pop(challenge.processUniqueID(), None)
        if end is None:
            raise LoginRefused("this challenge has been answered before")
        end()


def _give_up(awaited: _Awaited) -> None:
    if isinstance(awaited, Deferred):
        awaited.addErrback(lambda _: None)
        awaited.cancel()
    else:
        awaited.close()
