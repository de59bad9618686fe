"""
A broker that binds what it hands out to the sessions on whose behalf it does.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._delivery.bound_reference import BoundReference
from pbrealm._delivery.queued_broker import QueuedBroker
from pbrealm._delivery.shared_dict import SharedDict
from pbrealm._on_behalf_of import (
    ON_BEHALF_OF,
    PASSED_BACK,
    forget_passed_back,
    granting_sessions,
    on_behalf_of,
)
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.grants import Grants, Sessions, check_any_permits


class _StoppedCopy(pb.Cacheable):
    """
    Stands for a L{pb.Cacheable} whose changes the client doesn't get any more.
    """

    def __init__(self, sessions: Sessions) -> None:
        """
        @param sessions: those that had handed it out, which are over.
        """
        self.sessions = sessions

    def stoppedObserving(self, perspective: Any, observer: Any) -> None:
        """The client has dropped its copy."""


class GrantingBroker(QueuedBroker):
    """
    A broker that notes which sessions have handed out references, views and live copies.

    What these hand out in their turn belongs to the same sessions.  What a client passes back is
    handed out by the sessions that it was bound to, and not by the one whose call it is passed in.

    @ivar client: set before the connection is made.
    """

    __slots__ = ("_cache_grants", "_grants", "_received_cache_grants", "client")

    client: ClientConnection

    def __init__(self, isClient: int = 1, security: SecurityOptions = globalSecurity) -> None:
        super().__init__(isClient, security)
        self._grants = Grants()
        self._cache_grants = Grants()
        self._received_cache_grants = Grants()

    def checks_for_itself(self, target: object) -> bool:
        """Whether an object decides by itself on each call, and needs no grant."""
        return False

    def registerReference(self, object: Any) -> Any:
        if self.checks_for_itself(object):
            return super().registerReference(object)
        sessions = self._granting_sessions(object)
        luid = super().registerReference(object)
        self._grants.add(luid, sessions)
        return luid

    def _granting_sessions(self, thing: Any) -> Sessions:
        """
        The sessions that hand out an object now; none if it's bound to none.

        @raise SessionEnded: if the server has ended them: a call that runs at the end of its
            session is answered, but not with what would outlive it.
        """
        passed_back = PASSED_BACK.get()
        key = thing.processUniqueID()
        if passed_back and (self, key) in passed_back:
            # The client may have dropped it meanwhile.
            sessions = self._bound_to(key) or passed_back[self, key][1]
        else:
            sessions = self._present_sessions()
        check_any_permits(sessions)
        return sessions

    def _present_sessions(self) -> Sessions:
        # The call that is being served may be that of another connection's client, whose avatar
        # calls a mind here.
        return tuple([each for each in granting_sessions() if each.is_on(self)])

    def _bound_to(self, key: Any) -> Sessions:
        """
        @param key: the process unique id of an object that the client refers to, or caches.
        """
        local = self._grants.of(self.luids.get(key))
        return local or self._cache_grants.of(self.remotelyCachedLUIDs.get(key))

    def received(self, reference: Any) -> Any:
        if type(reference) is pb.RemoteReference:
            sessions = self._present_sessions()
            return BoundReference(reference, sessions) if sessions else reference
        # Not what an answer has.
        if ON_BEHALF_OF.get() is not None and not self.checks_for_itself(reference):
            passed_back = PASSED_BACK.get()
            if passed_back is None:
                PASSED_BACK.set(passed_back := {})
            key = reference.processUniqueID()
            passed_back[self, key] = reference, self._bound_to(key)
        return reference

    def proto_decref(self, objectID: Any) -> None:
        super().proto_decref(objectID)
        if objectID not in self.localObjects:
            self._grants.discard(objectID)

    def cacheRemotely(self, instance: Any) -> Any:
        sessions = self._granting_sessions(instance)
        luid = super().cacheRemotely(instance)
        self._cache_grants.add(luid, sessions)
        return luid

    def cachedRemotelyAs(self, instance: Any, incref: int = 0) -> Any:
        if not incref:
            return super().cachedRemotelyAs(instance)
        # Before anything is counted, or the cacheable is asked for its state.
        sessions = self._granting_sessions(instance)
        luid = super().cachedRemotelyAs(instance, incref)
        if luid is not None:
            self._cache_grants.add(luid, sessions)
        return luid

    def proto_decache(self, objectID: Any) -> None:
        super().proto_decache(objectID)
        if objectID not in self.remotelyCachedObjects:
            self._cache_grants.discard(objectID)

    def stop_revoked_copies(self) -> None:
        """
        Tell each L{pb.Cacheable} that was handed out by sessions that are over that it isn't
        observed here any more, and each copy of a L{SharedDict} that it gets no more
        changes.

        The client may still hold its copy, and say so when it drops it.  Until then a
        L{_StoppedCopy} takes the place of the cacheable.
        """
        if self.disconnected:
            return
        for luid in self._cache_grants.revoked():
            sessions = self._cache_grants.of(luid)
            self._cache_grants.discard(luid)
            copy = self.remotelyCachedObjects[luid]
            cacheable, perspective = copy.object, copy.perspective
            observer = pb.RemoteCacheObserver(self, cacheable, perspective)
            if isinstance(cacheable, SharedDict):
                # Before the broker forgets which copy this is.
                observer.callRemote("end", pbanswer=False)
            copy.object = stopped = _StoppedCopy(sessions)
            del self.remotelyCachedLUIDs[cacheable.processUniqueID()]
            self.remotelyCachedLUIDs[stopped.processUniqueID()] = luid
            try:
                cacheable.stoppedObserving(perspective, observer)
            except BaseException:
                what = f"{type(cacheable).__name__} failed to stop observing"
                self.client.errors.failure(what, Failure())

    def remotelyCachedForLUID(self, luid: Any) -> Any:
        """
        Look up a L{pb.Cacheable} that the client passes back its copy of.

        @raise pb.Error: if there is none, or its client may not use it any more: the client gets
            that, and the log doesn't.
        """
        if not isinstance(luid, Hashable) or luid not in self.remotelyCachedObjects:
            raise pb.Error("Invalid Object ID")
        self._cache_grants.check(luid)
        found = super().remotelyCachedForLUID(luid)
        if isinstance(found, _StoppedCopy):
            check_any_permits(found.sessions)
        return found

    def cachedLocallyAs(self, cid: Any) -> Any:
        """
        Look up a L{pb.RemoteCache} that the client calls, or passes back.

        @raise pb.Error: if there is none, or the sessions that it was passed through are over: the
            client gets that, and the log doesn't.
        """
        if not isinstance(cid, Hashable) or cid not in self.locallyCachedObjects:
            raise pb.Error("Invalid Object ID")
        self._received_cache_grants.check(cid)
        return super().cachedLocallyAs(cid)

    def cacheLocally(self, cid: Any, instance: Any) -> None:
        sessions = self._present_sessions()
        check_any_permits(sessions)
        super().cacheLocally(cid, instance)
        self._received_cache_grants.add(cid, sessions)

    def _send_by_jelly(self, prefix: bytes, perspective: Any, object_id: Any, *call: Any) -> Any:
        if prefix != b"cache":
            return super()._send_by_jelly(prefix, perspective, object_id, *call)
        # A change of a live copy belongs to whom the copy does, whoever makes the change.
        with on_behalf_of(self._cache_grants.of(object_id)):
            return super()._send_by_jelly(prefix, perspective, object_id, *call)

    def proto_cachemessage(self, requestID: Any, objectID: Any, *call: Any) -> None:
        """Protocol message: a call of an object that the client has this end cache."""
        known = isinstance(objectID, Hashable)
        sessions = self._received_cache_grants.of(objectID) if known else ()
        try:
            with on_behalf_of(sessions):
                super().proto_cachemessage(requestID, objectID, *call)
        finally:
            forget_passed_back()
