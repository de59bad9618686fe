"""
Sets of clients and of observers, for avatars and L{pb.Cacheable}s that know their own.

They work without the rest of pbrealm: a program with hand-written realms can use them as they
are.  Neither relies on C{__hash__} and C{__eq__} of its members, both drop members whose
connection is lost, and sending to all members never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, NamedTuple

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm._broker_slot import broker_of
from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.broadcast import Target, broadcast
from pbrealm._delivery.notify import NOTIFY_TIMEOUT, check_timeout
from pbrealm._delivery.report import DeliveryReport
from pbrealm._types import AnyClock, MemberT
from pbrealm.errors import Reason
from pbrealm.interfaces import ISession


class _Member(NamedTuple):
    """One member, and how to stop watching for its end."""

    target: Target[Any]
    unwatch: Callable[[], object]


class _LiveSet(Generic[MemberT]):
    """
    A set whose members are told apart by L{_key}, and dropped when L{_watch} says so.
    """

    def __init__(
        self, *, timeout: float | None = NOTIFY_TIMEOUT, clock: AnyClock | None = None
    ) -> None:
        """
        @param timeout: seconds that each member gets to answer a L{notify}; L{None} for any time.
        @param clock: by default the global reactor.
        """
        self._members: dict[object, _Member] = {}
        self._timeout = check_timeout("timeout", timeout)
        self._clock = clock

    def _key(self, member: MemberT) -> object:
        return id(member)

    def _target(self, member: MemberT) -> Target[MemberT]:
        return member, member, None

    def _watch(self, member: MemberT, drop: Callable[..., object]) -> Callable[[], object] | None:
        """
        Have C{drop} called once the member is dead.

        @return: undoes that; L{None} if the member is dead already.
        """
        return _watch_broker(broker_of(member), drop)

    def add(self, member: MemberT) -> None:
        """Add a member, unless it is in the set already, or dead."""
        key = self._key(member)
        if key in self._members:
            return
        unwatch = self._watch(member, partial(self._members.pop, key, None))
        if unwatch is not None:
            self._members[key] = _Member(self._target(member), unwatch)

    def discard(self, member: MemberT) -> None:
        """Remove a member; one that isn't in the set is no error."""
        found = self._members.pop(self._key(member), None)
        if found is not None:
            found.unwatch()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[MemberT]:
        """In the order in which they were added; adding and discarding meanwhile is safe."""
        return iter([member.target[0] for member in self._members.values()])

    def __contains__(self, member: object) -> bool:
        return self._key(member) in self._members  # type: ignore[arg-type]  # as in any set

    def notify(
        self, method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[MemberT]]:
        """
        Call a method of every member.  Never raises.

        Members that turn out to be dead are dropped.

        @return: fires with a L{DeliveryReport} once each has answered, failed, gone or had its
            time, which C{pbtimeout} sets for this call; it never fails.  With C{pbanswer=False}
            no answers are asked for.
        """
        return self._broadcast([m.target for m in self._members.values()], method, args, kw)

    def notify_some(
        self, members: Iterable[MemberT], method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[MemberT]]:
        """
        Call a method of some of the members, as L{notify} does of all.
        """
        found = [self._members.get(self._key(member)) for member in members]
        return self._broadcast([m.target for m in found if m is not None], method, args, kw)

    def _broadcast(
        self,
        targets: list[Target[MemberT]],
        method: str,
        args: tuple[object, ...],
        kw: dict[str, object],
    ) -> Deferred[DeliveryReport[MemberT]]:
        clock = clock_or_reactor(self._clock)
        sent = broadcast(targets, method, args, kw, clock=clock, timeout=self._timeout)
        return sent.addCallback(self._drop_gone)

    def _drop_gone(self, report: DeliveryReport[MemberT]) -> DeliveryReport[MemberT]:
        for member in report.gone:
            self.discard(member)
        return report


class ClientSet(_LiveSet[MemberT]):
    """
    A set of clients, as sessions or as bare minds: the howto's "set of current clients".

    A session leaves when it ends, a mind when its connection is lost.  Two minds are two members,
    even if they stand for one object of the client.
    """

    def _target(self, member: Any) -> Target[Any]:
        if _is_session(member):
            return member, member.mind, member
        return super()._target(member)

    def _watch(self, member: Any, drop: Callable[..., object]) -> Callable[[], object] | None:
        if not _is_session(member):
            return super()._watch(member, drop)
        if member.ended is not None:
            return None

        def ended(_: ISession, reason: Reason) -> None:
            drop()

        member.on_end(ended)
        return partial(member.forget_on_end, ended)


class ObserverSet(_LiveSet[MemberT]):
    """
    The observers of a L{Cacheable<pb.Cacheable>}.

    C{getStateToCacheAndObserveFor} adds the observer that it gets, and C{stoppedObserving}
    discards the one that I{it} gets: another object, which stands for the same observer.
    """

    def _key(self, member: Any) -> object:
        # The members hold all three, so no other object gets one of these ids.
        return id(member.broker), id(member.cached), id(member.perspective)


def _is_session(member: object) -> bool:
    # Not by C{providedBy}: it asks the member's attributes, which a client may have chosen.
    return bool(ISession.implementedBy(type(member)))


def _watch_broker(
    broker: pb.Broker | None, lost: Callable[[], object]
) -> Callable[[], object] | None:
    if broker is None:
        return _nothing
    if broker.disconnected:
        return None
    broker.notifyOnDisconnect(lost)

    def unwatch() -> None:
        # Broker.connectionLost sets the list to None once its callbacks have run.
        if broker.disconnects is not None:
            broker.dontNotifyOnDisconnect(lost)

    return unwatch


def _nothing() -> None:
    """Stop watching a member whose connection isn't known."""
