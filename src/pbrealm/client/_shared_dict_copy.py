"""
The live copy of a shared dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._delivery.shared_dict import COPY_TYPE
from pbrealm._log_text import bounded_failure

_log = Logger()


class SharedDictCopy(pb.RemoteCache, Mapping[Any, Any]):
    """
    A client's live copy of a L{SharedDict<pbrealm.SharedDict>}: a read-only mapping.
    """

    # Mapping compares by content, and so would set this to None.
    __hash__ = pb.RemoteCache.__hash__

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<SharedDictCopy {self._items!r}>"

    def on_change(self, callback: Callable[[SharedDictCopy], object]) -> None:
        """
        Have C{callback(copy)} called after each change.  An exception in it is logged.
        """
        self._callbacks.append(callback)

    def setCopyableState(self, state: dict[str, Any]) -> None:
        self._items: dict[Any, Any] = state["items"]
        self._callbacks: list[Callable[[SharedDictCopy], object]] = []

    def observe_update(self, items: dict[Any, Any]) -> None:
        """The server has set these items."""
        self._items.update(items)
        self._changed()

    def observe_remove(self, keys: list[Any]) -> None:
        """The server has removed these keys."""
        for key in keys:
            self._items.pop(key, None)
        self._changed()

    def _changed(self) -> None:
        for callback in self._callbacks[:]:
            try:
                callback(self)
            except BaseException:
                why = bounded_failure(Failure())
                _log.failure("{callback} failed at a change", why, callback=callback)


pb.setUnjellyableForClass(COPY_TYPE.decode("ascii"), SharedDictCopy)
