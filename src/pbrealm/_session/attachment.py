"""
A session's attachment to its avatar: attach, detach and logout, each at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from pbrealm._session.state import ATTACHMENT, AttachmentState
from pbrealm._session.undeclared import warn_if_undeclared
from pbrealm._unsaved import Account, tracking_unsaved
from pbrealm.errors import Reason
from pbrealm.interfaces import IClientAware, ISession


class Attachment:
    """
    The attachment of one session to one avatar.

    For each C{attached} that succeeded it calls C{detached} once, and the logout once in any
    case, also where the session ends while C{attached} is under way: that is waited for then.
    """

    __slots__ = ("_account", "_avatar", "_logout", "_reason", "_released", "_session", "_state")

    def __init__(
        self,
        session: ISession,
        avatar: Any,
        logout: Callable[[], object],
        account: Account | None = None,
    ) -> None:
        """
        @param account: counts what the avatar sends that waits for unsaved changes.
        """
        self._account = account
        self._session = session
        self._avatar = avatar
        self._logout = logout
        self._state = AttachmentState.HELD
        # Why the hold is to be released, and who waits for that while the avatar is attaching.
        self._reason: Reason | None = None
        self._released: Deferred[Any] | None = None

    def _become(self, state: AttachmentState) -> None:
        self._state = ATTACHMENT.to(state, self._state)

    def attach(self) -> Deferred[object] | None:
        """
        Tell the avatar of the session.

        @return: fires when the avatar has attached, or fails as its C{attached} does; L{None} if
            the avatar isn't an L{IClientAware}.
        """
        avatar, session = self._avatar, self._session
        if not IClientAware.providedBy(avatar):
            warn_if_undeclared(avatar.__class__, IClientAware)
            return None
        self._become(AttachmentState.ATTACHING)
        # The look-up is within, since an avatar may say more than is true.
        attaching: Deferred[object] = tracking_unsaved(
            self._account, maybeDeferred, lambda: avatar.attached(session)
        )
        return attaching.addCallbacks(self._attached, self._not_attached)

    def _attached(self, result: object) -> object:
        self._become(AttachmentState.ATTACHED)
        self._release_if_wanted()
        return result

    def _not_attached(self, why: Failure) -> Failure:
        self._become(AttachmentState.HELD)
        self._release_if_wanted()
        return why

    def _release_if_wanted(self) -> None:
        if self._reason is None:
            return
        released, waiting = self.release(self._reason), self._released
        if waiting is not None and released is not None:
            released.addCallback(waiting.callback)
        elif waiting is not None:
            waiting.callback(None)

    def release(self, reason: Reason) -> Deferred[Any] | None:
        """
        Detach from the avatar as far as the session is attached to it, and log out.

        Exceptions of the avatar and of the logout are logged.

        While the avatar is attaching, this waits until it has.

        @return: fires when that is done, and never fails; L{None} if it's done already.
        """
        self._reason = reason
        match self._state:
            case AttachmentState.ATTACHING:
                self._released = Deferred()
                return self._released
            case AttachmentState.HELD:
                return self._log_out()
            case AttachmentState.ATTACHED:
                self._become(AttachmentState.DETACHING)
                avatar, session = self._avatar, self._session
                detaching: Deferred[Any] = tracking_unsaved(
                    self._account, maybeDeferred, lambda: avatar.detached(session, reason)
                )
                detaching.addErrback(self._log_failure, "failed to detach")
                return detaching.addCallback(lambda _: self._log_out())
        return None

    def _log_out(self) -> Deferred[Any] | None:
        self._become(AttachmentState.RELEASED)
        try:
            result = self._logout()
        except BaseException:
            self._log_failure(Failure(), "failed to log out")
            return None
        if not isinstance(result, Deferred):
            return None
        # The logout of an enclosed session takes as long as its end.
        return result.addErrback(self._log_failure, "failed to log out")

    def _log_failure(self, why: Failure, what: str) -> None:
        self._session.log_failure(what, why)
