"""
A mapping that clients have live copies of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from twisted.spread import pb

from pbrealm._broker_slot import broker_of
from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.client_sets import ObserverSet
from pbrealm._delivery.report import DeliveryReport
from pbrealm._error_log import error_log
from pbrealm._types import AnyClock

COPY_TYPE = b"pbrealm.SharedDict"
"""The type name of a copy on the wire, for subclasses too."""


class SharedDict(pb.Cacheable, MutableMapping[Any, Any]):
    """
    A mapping whose changes are sent to every client that has a copy, in order.

    An avatar passes it to its client as an argument or an answer.  The client gets a
    L{SharedDictCopy<pbrealm.client.SharedDictCopy>}: first all items, then each change as it
    happens.  As the state of a L{SharedStateRealm<pbrealm.SharedStateRealm>}, there is one for
    each avatar id::

        realm = SharedStateRealm(Player, SharedDict)

    Keys and values are what Perspective Broker can send.  A change within a value isn't noticed;
    assign the value again.
    """

    def __init__(
        self,
        name: str = "",
        items: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        *,
        clock: AnyClock | None = None,
    ) -> None:
        """
        @param name: its owner; the avatar id if a realm makes it.
        @param items: the initial items.
        @param clock: by default the global reactor.
        """
        self.name = name
        self._items = dict(items)
        self._observers = ObserverSet(clock=clock)
        self._clock = clock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self._items!r}>"

    def may_see(self, perspective: Any, key: Any) -> bool:
        """
        Whether the client of an avatar may see a key; for subclasses to override.

        Called when the client gets its copy, and at each change of the key.

        @param perspective: the client's avatar.
        """
        return True

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[key] = value
        self._tell("update", {key: value})

    def __delitem__(self, key: Any) -> None:
        del self._items[key]
        self._tell("remove", {key: None})

    def update(self, *args: Any, **kw: Any) -> None:
        """Change many items, in one message to each client."""
        items = dict(*args, **kw)
        self._items.update(items)
        self._tell("update", items)

    def clear(self) -> None:
        """Remove all items, in one message to each client."""
        items, self._items = self._items, {}
        self._tell("remove", dict.fromkeys(items))

    def _tell(self, what: str, items: dict[Any, Any]) -> None:
        if not items:
            return
        # Clients that may see the same keys get the same message, encoded once.
        audiences: dict[tuple[Any, ...], list[Any]] = {}
        for observer in self._observers:
            seen = tuple(key for key in items if self.may_see(observer.perspective, key))
            audiences.setdefault(seen, []).append(observer)
        for seen, observers in audiences.items():
            if seen:
                told = {key: items[key] for key in seen} if what == "update" else list(seen)
                sent = self._observers.notify_some(observers, what, told, pbanswer=False)
                sent.addCallback(self._log_failed)

    def _log_failed(self, report: DeliveryReport[Any]) -> None:
        what = f"a change of {type(self).__name__} {self.name!r} can't be sent"
        for observer, why in report.failed.items():
            errors = error_log(broker_of(observer), self, clock_or_reactor(self._clock))
            errors.failure(what, why)

    def getTypeToCopy(self) -> bytes:
        return COPY_TYPE

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> dict[Any, Any]:
        self._observers.add(observer)
        return {
            "items": {
                key: value for key, value in self._items.items() if self.may_see(perspective, key)
            }
        }

    def stoppedObserving(self, perspective: Any, observer: Any) -> None:
        self._observers.discard(observer)
