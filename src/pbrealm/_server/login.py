"""
A login to the portal: within the limits of the connection, and until the client holds a reference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.cred.checkers import ANONYMOUS
from twisted.cred.credentials import IAnonymous
from twisted.cred.portal import IRealm, Portal
from twisted.python.failure import Failure
from twisted.spread import pb
from zope.interface import implementer

from pbrealm._server.broker import ServerBroker
from pbrealm._server.login_refusal import journal_refusal, raise_for_client
from pbrealm._server.login_state import PendingLogin
from pbrealm._server.referenceable import AspectCopy, reference_to
from pbrealm._session.connection import ConnectedMind
from pbrealm._session.given_aspects import take_session
from pbrealm._session.session import Session
from pbrealm._wire.ids import is_plain_id
from pbrealm.errors import LoginRefused, Reason, SessionEnded
from pbrealm.logins import Login


@implementer(IRealm)
class HandWrittenRealm:
    """
    Passes the mind itself to a realm that isn't one of pbrealm's.

    A realm is asked once the client has been authenticated, and may call its mind then.
    """

    def __init__(self, realm: IRealm) -> None:
        self._realm = realm

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        mind.authenticated(avatarId)
        request: Any = self._realm.requestAvatar
        return request(avatarId, mind.mind, *interfaces)


class PortalLogin:
    """
    Logs the client of one connection in to the portal, whatever it logs in by.
    """

    __slots__ = ("_broker", "_client", "_portal")

    def __init__(self, portal: Portal, broker: ServerBroker) -> None:
        self._portal = portal
        self._broker = broker
        self._client = broker.client

    async def log_in(self, pending: PendingLogin, login: Login) -> pb.Referenceable | AspectCopy:
        """
        Log in.

        @return: what the client gets.
        @raise pb.Error: for every refusal.
        """
        client, portal, credentials = self._client, self._portal, login.credentials
        anonymous = IAnonymous.providedBy(credentials)
        logins = client.logins
        logins.count_login(pending, guest=anonymous)
        mind = ConnectedMind(
            self._broker, login.mind, client.clock, partial(logins.authenticated, pending)
        )
        try:
            _check_mind(login.mind, self._broker)
            if anonymous:
                _, aspect, logout = await portal.login(credentials, mind, *login.interfaces)
            else:
                async with logins.attempt(pending, login.account):
                    _, aspect, logout = await portal.login(credentials, mind, *login.interfaces)
            session: Session | None = mind.session
            try:
                if session is None:
                    session = take_session(aspect, logout, login.mind)
                self._check_still_possible(session)
                if session is not None:
                    session.learn_connection(self._broker)
                reference = reference_to(aspect, session)
            except BaseException:
                logout()
                raise
        except BaseException as why:
            logins.refused(pending)
            # The session may have passed something to the mind before it was refused.
            self._broker.stop_revoked_copies()
            # Realms of pbrealm journal by themselves what is refused after the authentication.
            if not pending.authenticated or isinstance(portal.realm, HandWrittenRealm):
                journal_refusal(ANONYMOUS if anonymous else login.account, client.peer, why)
            raise_for_client(why)
        logins.logged_in(pending, forgive=not anonymous)
        return self._until_the_end(reference, session, logout)

    def _until_the_end(
        self, reference: object, session: Session | None, logout: Callable[[], object]
    ) -> pb.Referenceable | AspectCopy:
        """
        Have the logout called when the client drops the reference, or leaves.

        @return: what the client gets.
        """
        if session is not None:
            session.on_end(self._session_ended)
        if isinstance(self._portal.realm, HandWrittenRealm):
            # A session watches the connection by itself; nobody else does.
            logout = self._until_lost(logout, counted=session is None)
        if not isinstance(reference, pb.Referenceable):
            return AspectCopy(reference, session, logout)
        # Only this private table tells when the client drops the reference.  Its keys are those of
        # registered objects; that of another may come to be one later.
        ends, key = self._broker._localCleanup, reference.processUniqueID()
        earlier = ends.get(key)
        # A hand-written realm may give the same object for many logins.  The client drops its
        # references to it together, as far as the broker is concerned.
        ends[key] = logout if earlier is None else partial(_call_both, earlier, logout)
        return reference

    def _session_ended(self, _: Session, reason: Reason) -> None:
        self._client.logins.logged_out(reason)
        self._broker.stop_revoked_copies()

    def _until_lost(self, logout: Callable[[], object], *, counted: bool) -> Callable[[], object]:
        """
        Have the logout of a hand-written realm called when the connection is lost.

        @param counted: whether the login is over with that.
        @return: calls the logout before the connection is lost.  It is called once in all.
        """
        broker, client = self._broker, self._client

        def lost() -> None:
            try:
                logout()
            except BaseException:
                client.errors.failure(f"the logout {logout} failed", Failure())

        def dropped() -> None:
            broker.dontNotifyOnDisconnect(lost)
            if counted:
                self._client.logins.logged_out(Reason.LOGGED_OUT)
            lost()

        broker.notifyOnDisconnect(lost)
        return dropped

    def _check_still_possible(self, session: Session | None) -> None:
        if session is not None and session.ended is not None:
            raise SessionEnded(session.ended)
        if self._client.logins.closing:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        if self._broker.disconnected:
            raise LoginRefused("the client left during its login", Reason.DISCONNECTED)
        # With one more than this, the broker would raise when it registers the reference.  That
        # is after the login has succeeded, and then nobody would call the logout.
        if len(self._broker.localObjects) > pb.MAX_BROKER_REFS:
            raise LoginRefused("too many references are held over this connection")


def _call_both(first: Callable[[], object], second: Callable[[], object]) -> None:
    first()
    second()


def _check_mind(mind: object, broker: ServerBroker) -> None:
    """
    Check that a mind is an object of this client that can be called, or None.

    A client can pass anything that Perspective Broker can send, with attributes of its choice.

    @raise LoginRefused: if it's something else.
    """
    if mind is not None and not (
        type(mind) is pb.RemoteReference and mind.broker is broker and is_plain_id(mind.luid)
    ):
        raise LoginRefused("the mind must be a pb.Referenceable of the client, or None")
