"""
The service of the administration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from pbrealm._arguments import described
from pbrealm._endpoint_strings import endpoint_from, endpoint_of, several
from pbrealm._server.factory import ServerFactory
from pbrealm._types import AnyEndpoint
from pbrealm.admin._access import check_token, is_host
from pbrealm.admin._api import Api
from pbrealm.admin._listener import Conditions, Listener
from pbrealm.realms._base import FindingRealm, WrappingRealm
from pbrealm.realms._mind_tracking import MindTrackingRealm

_EXAMPLE: Final = "unix:/run/pbrealm/admin.sock"


class AdminService(Service):
    """
    Serves the administration of a server over HTTP, at an endpoint or at several.

    On a UNIX socket, whoever may open that may ask; the socket of an endpoint string is its
    owner's alone, unless the string has a C{mode}.  Elsewhere those who ask need the token, if
    there is one.
    """

    def __init__(
        self,
        realm: MindTrackingRealm[Any],
        factory: ServerFactory,
        endpoint: AnyEndpoint | str | Iterable[AnyEndpoint | str],
        *,
        token: str | bytes | None = None,
        insecure: bool = False,
        hosts: Iterable[str] = (),
        on_drained: Callable[[], object] | None = None,
        reactor: Any = None,
    ) -> None:
        """
        @param realm: whose sessions are administrated.
        @param factory: serves the realm, or one around it.
        @param endpoint: where to listen: an endpoint, an endpoint string, or several of them.
        @param token: of at least 16 characters.  It's needed to listen on another address than
            loopback.
        @param insecure: whether to listen on another address than loopback also without TLS.
        @param hosts: names of the host that browsers and other clients may use, besides
            C{localhost} and the address that is listened at.
        @param on_drained: called when a drain is over that was begun here.
        @param reactor: by default the global one.
        @raise TypeError: if an argument is of the wrong kind.
        @raise ValueError: if the factory doesn't serve the realm, the token is too short, one of
            the hosts is no name, or C{endpoint} isn't an endpoint string.
        """
        if not isinstance(realm, MindTrackingRealm):
            raise TypeError(
                "realm must be a MindTrackingRealm, such as MindTrackingRealm(CachingRealm("
                f"Player)), not {described(realm)}"
            )
        if not isinstance(factory, ServerFactory):
            raise TypeError(
                "factory must be a ServerFactory, such as ServerFactory(portal), "
                f"not {described(factory)}"
            )
        if not _may_reach(factory.realm, realm):
            raise ValueError("realm must be the one that factory serves, or within it, and isn't")
        if on_drained is not None and not callable(on_drained):
            raise TypeError(f"on_drained must be a function or None, not {described(on_drained)}")
        if reactor is None:
            # Installs a reactor if there is none yet, so not before it's needed.
            from twisted.internet import reactor
        endpoints = [_checked_endpoint(each, reactor) for each in several(endpoint)]
        if not endpoints:
            raise ValueError("endpoint must be an endpoint or several, not none")
        conditions = Conditions(check_token(token), _checked_hosts(hosts), insecure)
        self._api = Api(realm, factory, reactor, on_drained)
        operations = self._api.operations
        self._listeners = [Listener(each, operations, conditions, reactor) for each in endpoints]

    def privilegedStartService(self) -> None:
        """
        Listen at all endpoints, or at none.

        @raise ValueError: if everybody could get in there, or read the token.
        @raise Exception: what the endpoint fails with, if it does so at once.  If it fails later,
            that is logged.
        """
        super().privilegedStartService()
        try:
            for each in self._listeners:
                each.listen()
        except Exception:
            self._stop_listening()
            raise

    def startService(self) -> None:
        """
        Listen, unless L{privilegedStartService} has done so, and watch the server.
        """
        if not any(each.listening for each in self._listeners):
            self.privilegedStartService()
        super().startService()
        self._api.start()

    def stopService(self) -> Deferred[None]:
        """
        Stop listening, and close all connections.

        @return: fires when that is done, and never fails.
        """
        super().stopService()
        self._api.stop()
        return self._stop_listening()

    def _stop_listening(self) -> Deferred[None]:
        stops = [Deferred.fromCoroutine(each.stop()) for each in self._listeners]
        stopped: Deferred[Any] = DeferredList(stops)
        return stopped.addCallback(lambda _: None)


def _checked_endpoint(endpoint: AnyEndpoint | str, reactor: Any) -> IStreamServerEndpoint:
    checked: IStreamServerEndpoint = endpoint_of(
        endpoint,
        lambda text: parse_endpoint("endpoint", text, reactor),
        IStreamServerEndpoint,
        purpose="listen at",
        example=_EXAMPLE,
    )
    return checked


def parse_endpoint(name: str, description: str, reactor: Any) -> IStreamServerEndpoint:
    """
    Make an endpoint for the administration.

    @param name: what is parsed, for the error message.
    @raise ValueError: if it isn't an endpoint string.
    """

    def make(text: str) -> IStreamServerEndpoint:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, _protected(text))
        return endpoint

    return endpoint_from(description, make, name=name, example=_EXAMPLE)


_HAPROXY: Final = "haproxy:"
"""What Twisted has before the description of an endpoint behind such a proxy."""


def _protected(description: str) -> str:
    # By default Twisted lets everybody open a UNIX socket.
    inner = description
    while inner.startswith(_HAPROXY):
        inner = inner.removeprefix(_HAPROXY)
    if inner.startswith("unix:") and ":mode=" not in inner:
        return f"{description}:mode=600"
    return description


def _checked_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    names = tuple(hosts)
    if isinstance(hosts, str) or not all(isinstance(name, str) and name for name in names):
        raise TypeError('hosts must be names, as in ["admin.example"]')
    for name in names:
        if not is_host(name):
            raise ValueError(
                'hosts must be names without a scheme or a port, as in ["admin.example"], '
                f"not {name!r}"
            )
    return names


def _may_reach(outer: object, realm: MindTrackingRealm[Any]) -> bool:
    """Whether a login that gets to the outer realm may get to the other one."""
    if outer is realm:
        return True
    if isinstance(outer, WrappingRealm):
        return any(_may_reach(each, realm) for each in outer.realms_within())
    # Where others pass logins on to isn't known before there are any.
    return not isinstance(outer, FindingRealm)
