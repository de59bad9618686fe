"""
The interfaces of stores, and of what they keep their rows in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred
from zope.interface import Interface

from pbrealm.store._contents import Contents
from pbrealm.store._stored_dict import StoredDict


class IStore(Interface):
    """
    Keeps states, by name, for longer than the process lives.

    Errors are L{StoreError<pbrealm.errors.StoreError>}s.
    """

    def open() -> Deferred[None]:
        """
        Open the store now, to learn at the start whether it can be used; otherwise the first call
        that needs it does this.

        @return: fires when it is open.  If it fails, the next call tries again.
        """

    def load(name: str) -> Deferred[StoredDict]:
        """
        Get the state of a name; an empty one if there is none.

        @return: fires with the same object for everybody, as long as anybody keeps it, or it has
            changes that aren't saved.
        """

    def names() -> Deferred[list[str]]:
        """The names whose states have items that are saved."""

    def delete(name: str) -> Deferred[None]:
        """
        Remove all items of a name.

        @return: fires once that is saved.
        """

    def saved() -> Deferred[None]:
        """
        Wait until all changes of all states so far are saved.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if they were
            undone.
        """

    def close() -> Deferred[None]:
        """
        Save all changes so far, and close the store for good: it can't be used after this, and
        its states can't be changed.

        @return: fires when it is closed; never fails.
        """


class Storage(Protocol):
    """
    What a L{Store<pbrealm.store.Store>} keeps its rows in.

    The store calls C{open} first, and nothing else until that has fired; C{write} again only once
    the last one has fired; and nothing after C{close}.  What is called later takes effect later.
    """

    def open(self) -> Deferred[None]:
        """Get ready."""

    def read(self, name: str) -> Deferred[Contents]:
        """Read the items of a name."""

    def write(
        self, erased: Iterable[str], rows: Mapping[str, Mapping[bytes, bytes | None]]
    ) -> Deferred[None]:
        """
        Make changes, all or none.

        @param erased: names whose items are removed first.
        @param rows: for each name, the new encoded values by their encoded keys; L{None} for a key
            that is to be removed.
        @return: fires when the changes are safe from a crash, and fails if none was made.
        """

    def names(self) -> Deferred[list[str]]:
        """The names that have items."""

    def close(self) -> Deferred[None]:
        """Let go of everything.  Called once, also if C{open} has failed or wasn't called."""
