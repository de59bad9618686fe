"""
A session layer for Twisted's Perspective Broker.

Realms hand out sessions; a session is a client's revocable hold on an avatar::

    from twisted.cred.portal import Portal
    from twisted.spread import pb
    from pbrealm import CachingRealm, ConnectionLimitedRealm, ReplaceOldest, ServerFactory

    class Player(pb.Avatar):
        def __init__(self, name):
            self.name = name

        def perspective_greet(self):
            return f"hello {self.name}"

    realm = ConnectionLimitedRealm(CachingRealm(Player), limit=2, on_full=ReplaceOldest())
    factory = ServerFactory(Portal(realm, [checker]))
"""

from pbrealm._delivery.backlog import Backlog, SlowClientPolicy
from pbrealm._delivery.client_sets import ClientSet, ObserverSet
from pbrealm._delivery.report import DeliveryReport
from pbrealm._delivery.shared_dict import SharedDict
from pbrealm._server.factory import ServerFactory
from pbrealm._server.limits import Limits
from pbrealm._server.service import ServerService
from pbrealm._server.systemd_service import SystemdService
from pbrealm._session.session import Session, current_session
from pbrealm._version import __version__
from pbrealm.errors import (
    CallLost,
    LoginEnded,
    LoginRefused,
    NoMind,
    NotificationDropped,
    NotifyTimeout,
    NotLoggedIn,
    PBRealmError,
    Reason,
    SessionEnded,
    TooManyConnections,
    WrongCredentials,
    reason_of,
)
from pbrealm.interfaces import (
    IClientAware,
    IClosableRealm,
    IFullPolicy,
    ILoginClient,
    ILoginMethod,
    ILoginObserver,
    IRetirable,
    ISession,
    ISessionRealm,
)
from pbrealm.logins import AnonymousLogin, Login, LoginChallenge, PasswordLogin
from pbrealm.policies import PingOldest, Refuse, ReplaceOldest, WaitForRoom
from pbrealm.realms import (
    AnonymousRealm,
    Arrival,
    CachingRealm,
    ConnectionLimitedRealm,
    Departure,
    DisposableRealm,
    JournalRealm,
    MindTrackingRealm,
    Presence,
    RoutingRealm,
    SharedStateRealm,
    WrappingRealm,
)

__all__ = [
    "AnonymousLogin",
    "AnonymousRealm",
    "Arrival",
    "Backlog",
    "CachingRealm",
    "CallLost",
    "ClientSet",
    "ConnectionLimitedRealm",
    "DeliveryReport",
    "Departure",
    "DisposableRealm",
    "IClientAware",
    "IClosableRealm",
    "IFullPolicy",
    "ILoginClient",
    "ILoginMethod",
    "ILoginObserver",
    "IRetirable",
    "ISession",
    "ISessionRealm",
    "JournalRealm",
    "Limits",
    "Login",
    "LoginChallenge",
    "LoginEnded",
    "LoginRefused",
    "MindTrackingRealm",
    "NoMind",
    "NotLoggedIn",
    "NotificationDropped",
    "NotifyTimeout",
    "ObserverSet",
    "PBRealmError",
    "PasswordLogin",
    "PingOldest",
    "Presence",
    "Reason",
    "Refuse",
    "ReplaceOldest",
    "RoutingRealm",
    "ServerFactory",
    "ServerService",
    "Session",
    "SessionEnded",
    "SharedDict",
    "SharedStateRealm",
    "SlowClientPolicy",
    "SystemdService",
    "TooManyConnections",
    "WaitForRoom",
    "WrappingRealm",
    "WrongCredentials",
    "__version__",
    "current_session",
    "reason_of",
]
