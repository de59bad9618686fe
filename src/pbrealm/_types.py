"""
Types of arguments, and the type variables of generic classes.

Only with the plugin mypy-zope does a type checker know which classes provide a zope interface.  So
that programs pass without it, a parameter that takes the provider of an interface takes what has
its methods as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

if TYPE_CHECKING:
    from twisted.cred.portal import IRealm
    from twisted.internet.interfaces import (
        IReactorTime,
        IStreamClientEndpoint,
        IStreamServerEndpoint,
    )

    # Those of typing have no default in the versions of Python that are supported.
    from typing_extensions import TypeVar

    AvatarT = TypeVar("AvatarT", default=Any)
    MemberT = TypeVar("MemberT", default=Any)
    StateT = TypeVar("StateT", default=Any)
else:
    from typing import TypeVar

    AvatarT = TypeVar("AvatarT")
    MemberT = TypeVar("MemberT")
    StateT = TypeVar("StateT")

AnySession: TypeAlias = Any
"""
An L{ISession<pbrealm.interfaces.ISession>}, in what programs override or pass.  They may annotate
it as C{Session[Player]}, too, which is no supertype of the interface.
"""

AvatarFactory: TypeAlias = "Callable[[str], Awaitable[AvatarT]] | Callable[[str], AvatarT]"
"""Makes an avatar from an avatar id."""


class _Realm(Protocol):
    def requestAvatar(self, avatarId: Any, mind: Any, /, *interfaces: Any) -> Any: ...


class _Clock(Protocol):
    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Any, /, *args: Any, **kw: Any) -> Any: ...


class _FullPolicy(Protocol):
    @property
    def waiting(self) -> int: ...

    def make_room(self, newcomer: Any, holders: Any, /) -> Any: ...


class _Endpoint(Protocol):
    def listen(self, protocolFactory: Any, /) -> Any: ...


class _ClientEndpoint(Protocol):
    def connect(self, protocolFactory: Any, /) -> Any: ...


class _LoginObserver(Protocol):
    def logged_in(self, perspective: Any, /) -> object: ...

    def lost(self, why: Any, /) -> object: ...

    def resumed(self) -> object: ...

    def coming_back(self, seconds: float, why: Any, /) -> object: ...

    def stopped(self, why: Any, /) -> object: ...


class _LoginMethod(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def begin(self) -> Callable[..., object]: ...


AnyRealm: TypeAlias = Union["_Realm", "IRealm"]
"""Any realm: one of pbrealm's, or a hand-written one."""

AnyClock: TypeAlias = Union["_Clock", "IReactorTime"]
"""A reactor, or a L{Clock<twisted.internet.task.Clock>}."""

AnyCredentials: TypeAlias = Any
"""What provides C{twisted.cred.credentials.ICredentials}, an interface without methods."""

AnyEndpoint: TypeAlias = Union["_Endpoint", "IStreamServerEndpoint"]
"""What a server can listen at."""

AnyClientEndpoint: TypeAlias = Union["_ClientEndpoint", "IStreamClientEndpoint"]
"""What a client can connect to."""

AnyLoginObserver: TypeAlias = _LoginObserver
"""An L{ILoginObserver<pbrealm.interfaces.ILoginObserver>}."""

AnyLoginMethod: TypeAlias = _LoginMethod
"""An L{ILoginMethod<pbrealm.interfaces.ILoginMethod>}."""

AnyFullPolicy: TypeAlias = _FullPolicy
"""An L{IFullPolicy<pbrealm.interfaces.IFullPolicy>}."""
