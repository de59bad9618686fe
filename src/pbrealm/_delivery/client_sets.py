"""
Sets of clients and of observers, for avatars and Cacheables that keep their own books.

They need nothing else of pbrealm: a program with hand-written realms can use them as they are.
Neither trusts C{__hash__} and C{__eq__} of what it holds, both drop the dead by themselves, and
sending to the rest never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.broadcast import deliver
from pbrealm._delivery.report import DeliveryReport
from pbrealm._session.session import NOTIFY_TIMEOUT, Session

_T = TypeVar("_T")


class _LivingSet(Generic[_T]):
    """
    A set whose members are told apart by L{_key}, and leave when L{_watch} says so.
    """

    def __init__(
        self, *, timeout: float = NOTIFY_TIMEOUT, clock: IReactorTime | None = None
    ) -> None:
        """
        @param timeout: seconds that each member gets to answer a L{notify}.
        @param clock: by default the global reactor.
        """
        self._members: dict[object, tuple[_T, Callable[[], object]]] = {}
        self._timeout = timeout
        self._clock = clock

    def _key(self, member: _T) -> object:
        return id(member)

    def _mind(self, member: _T) -> Any:
        return member

    def _watch(self, member: _T, drop: Callable[..., object]) -> Callable[[], object] | None:
        return _watch_broker(getattr(member, "broker", None), drop)

    def add(self, member: _T) -> None:
        """Add a member; one that is here already, or dead, is not added."""
        key = self._key(member)
        if key in self._members:
            return
        unwatch = self._watch(member, partial(self._members.pop, key, None))
        if unwatch is not None:
            self._members[key] = (member, unwatch)

    def discard(self, member: _T) -> None:
        """Remove a member; one that isn't here is no error."""
        _, unwatch = self._members.pop(self._key(member), (None, None))
        if unwatch is not None:
            unwatch()

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[_T]:
        """In the order in which they were added; adding and discarding meanwhile is safe."""
        return iter([member for member, _ in self._members.values()])

    def __contains__(self, member: object) -> bool:
        return self._key(member) in self._members  # type: ignore[arg-type]  # as in any set

    def notify(self, method: str, /, *args: object, **kw: object) -> Deferred[DeliveryReport[_T]]:
        """
        Call a method of every member.  It never raises.

        Members that turn out to be dead are dropped.

        @return: fires with a L{DeliveryReport} once each has answered, failed, gone or had its
            time; it never fails.  With C{pbanswer=False} no answers are asked for.
        """
        return self.notify_some(self, method, *args, **kw)

    def notify_some(
        self, members: Iterable[_T], method: str, /, *args: object, **kw: object
    ) -> Deferred[DeliveryReport[_T]]:
        """
        Call a method of some of the members, as L{notify} does of all.
        """
        sent = deliver(
            [(member, self._mind(member)) for member in members if member in self],
            method,
            args,
            kw,
            clock=clock_or_reactor(self._clock),
            timeout=self._timeout,
        )
        return sent.addCallback(self._drop_the_gone)

    def _drop_the_gone(self, report: DeliveryReport[_T]) -> DeliveryReport[_T]:
        for member in report.gone:
            self.discard(member)
        return report


class ClientSet(_LivingSet[Any]):
    """
    Clients, as L{Session}s or as bare minds: the howto's "set of current clients".

    A session leaves when it ends, a mind when its connection is lost.  Two minds are two members,
    even if they stand for one object at the client.
    """

    def _mind(self, member: Any) -> Any:
        return member.mind if isinstance(member, Session) else member

    def _watch(self, member: Any, drop: Callable[..., object]) -> Callable[[], object] | None:
        if not isinstance(member, Session):
            return super()._watch(member, drop)
        if member.ended is not None:
            return None

        def ended(*_: object) -> None:
            drop()

        member.on_end(ended)
        return partial(member.forget_on_end, ended)


class ObserverSet(_LivingSet[Any]):
    """
    The observers of a L{Cacheable<pb.Cacheable>}.

    C{getStateToCacheAndObserveFor} adds the observer that it gets, and C{stoppedObserving}
    discards the one that I{it} gets: another object, which stands for the same observer.
    """

    def _key(self, member: Any) -> object:
        # The members hold all three, so that the ids remain theirs.
        return id(member.broker), id(member.cached), id(member.perspective)


def _watch_broker(broker: Any, lost: Callable[[], object]) -> Callable[[], object] | None:
    if not isinstance(broker, pb.Broker):
        return _nothing
    if broker.disconnected:
        return None
    broker.notifyOnDisconnect(lost)

    def unwatch() -> None:
        # While the broker is closing down it still has its list, and then it has none.
        if broker.disconnects is not None:
            broker.dontNotifyOnDisconnect(lost)

    return unwatch


def _nothing() -> None:
    """The unwatching of a member of which nobody will say that it died."""
