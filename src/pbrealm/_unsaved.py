"""
What a call has changed or read that isn't saved yet, and that whatever it tells waits for.

A crash can't take back what a client was told, if it is told only once this is saved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Commit(Protocol):
    """
    Changes that are saved together, or not at all.
    """

    @property
    def is_saved(self) -> bool:
        """Whether the changes are saved."""

    @property
    def is_undone(self) -> bool:
        """Whether the changes were undone."""

    def saved(self) -> Deferred[None]:
        """
        Wait until the changes are saved.

        @return: fires then, and fails if they were undone.
        """


CALL_MEMORY: Final = 2000
"""Bytes that a call takes while something of it waits, besides what its message has brought."""

WAIT_MEMORY: Final = 3000
"""Bytes that each thing takes that waits, besides what is sent."""

COUNTED_WAITS: Final = 4
"""How many times in a row a call waits until what it has got before counts no more."""

COUNTED_ANSWERS: Final = 16
"""How many answers count that a call has got without waiting for anything in between."""


class Account:
    """
    Counts what is kept in memory for a client while changes aren't saved; for subclasses.

    @ivar message_memory: about how many bytes the objects of the message take that is being
        handled; 0 if none is.
    """

    message_memory: int

    def hold(self, size: int) -> None:
        """Something of about this many bytes is kept."""

    def release(self, size: int) -> None:
        """It isn't any more."""

    def drops_oldest(self, size: int) -> bool:
        """Whether what has waited longest is to be dropped, rather than that so much waits."""
        raise NotImplementedError

    def may_wait(self, size: int, *, droppable: bool) -> bool:
        """
        Whether so many bytes may wait to be sent to the client.

        @param droppable: whether the last of them may be dropped, without ending the session.
        """
        raise NotImplementedError


class Wait:
    """
    Something of a call that waits.
    """

    __slots__ = ("_call", "size", "turn")

    def __init__(self, call: Unsaved, size: int, turn: int) -> None:
        self._call = call
        self.size = size
        self.turn = turn

    def end(self) -> None:
        """It doesn't wait any more."""
        self._call.end_wait(self)


class Unsaved(list[Commit]):
    """
    What will save the changes that a call has made, or has read.

    It's that of the coroutines that the call has started, too.  It's a list since that is made
    for each call, and nearly always left empty.

    While anything of the call waits, be it its answer, what it has sent or what it awaits, all
    that it has got may be kept: its message, and what clients have answered to it.  So this is
    counted then, once.  A coroutine may go on for ever, and can't be asked what it keeps.  So the
    message counts as long as the method runs, but the rest, and the message afterwards, only for
    the next few times that the call waits.  What a program keeps for longer, it also keeps while
    nothing waits.

    @ivar returned: whether the method has returned, or its coroutine has.
    @ivar undone: a commit that was undone, which a notification of the call has failed for.  Later
        notifications don't, but the answer does.
    """

    __slots__ = (
        "_account",
        "_got",
        "_memory",
        "_message_memory",
        "_turn",
        "_waits",
        "returned",
        "undone",
    )

    def __init__(self, account: Account | None = None, message_memory: int = 0) -> None:
        """
        @param account: of the client whose call it is; L{None} if it's none's.
        @param message_memory: about how many bytes the objects of the call's message take.
        """
        self._account = account
        # Of all that counts, and the part that counts until the method has returned.
        self._memory = self._message_memory = message_memory
        # The rest: in which turn it was got, and its size.  Most calls get nothing more.
        self._got: deque[tuple[int, int]] | None = None
        # How many things of the call wait.
        self._waits = 0
        # How many times it has waited.  What waits at the same time ends one turn together.
        self._turn = 0
        self.returned = False
        self.undone: Commit | None = None

    def begin_wait(self, size: int = 0) -> Wait:
        """
        Something of the call begins to wait.

        @param size: of what is to be sent.
        """
        wait = Wait(self, size, self._turn)
        if not self._waits:
            size += CALL_MEMORY + self._memory
        self._waits += 1
        if self._account is not None:
            self._account.hold(WAIT_MEMORY + size)
        return wait

    def end_wait(self, wait: Wait) -> None:
        """It doesn't wait any more."""
        if wait.turn == self._turn:
            self._turn += 1
            self._forget_old()
        size = wait.size
        self._waits -= 1
        if not self._waits:
            size += CALL_MEMORY + self._memory
        if self._account is not None:
            self._account.release(WAIT_MEMORY + size)

    def add_memory(self, size: int) -> None:
        """The call has got something more of about so many bytes, which may be kept as well."""
        if not size:
            return
        self._memory += size
        if self._waits and self._account is not None:
            self._account.hold(size)
        if self._got is None:
            self._got = deque()
        self._got.append((self._turn, size))
        if len(self._got) > COUNTED_ANSWERS:
            self._forget(self._got.popleft()[1])

    def _forget_old(self) -> None:
        if self.returned and self._message_memory:
            size, self._message_memory = self._message_memory, 0
            self._got = self._got or deque()
            self._got.append((self._turn, size))
        while self._got and self._got[0][0] + COUNTED_WAITS <= self._turn:
            self._forget(self._got.popleft()[1])

    def _forget(self, size: int) -> None:
        self._memory -= size
        if self._waits and self._account is not None:
            self._account.release(size)

    def counted(self, awaited: Deferred[_T], size: int = 0) -> Deferred[_T]:
        """
        Something of the call waits until a Deferred fires.

        @param size: of what is sent then.
        """
        if awaited.called:
            return awaited
        return awaited.addBoth(_waited, self.begin_wait(size))

    def add(self, commit: Commit) -> None:
        """The call has made a change that this commit will save, or has read one."""
        # It's nearly always the same one, many times in a row.
        if commit not in self:
            if self:
                # A coroutine may go on for ever.
                self.is_pending()
            self.append(commit)

    def discard(self, commit: Commit) -> None:
        """The call has been told itself what became of this commit."""
        if commit in self:
            self.remove(commit)
        if self.undone is commit:
            self.undone = None

    def is_pending(self) -> bool:
        """Whether any of it isn't saved."""
        self[:] = [commit for commit in self if not commit.is_saved]
        return bool(self)

    def answer_waits(self) -> bool:
        """Whether the answer of the call has to wait, or to fail."""
        return self.undone is not None or self.is_pending()

    def saved(self) -> Deferred[None]:
        """
        Wait until all of it is saved.

        @return: fires then.  Fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if any of it was
            undone.
        """
        if len(self) == 1:
            return self[0].saved()
        return Deferred.fromCoroutine(_all_saved(tuple(self)))

    def saved_for_answer(self) -> Deferred[None]:
        """
        Wait as L{saved} does.

        @return: fails also if something was undone before that only notifications have failed for.
        """
        return self.saved() if self.undone is None else self.undone.saved()

    def saved_for_notification(self) -> Deferred[None]:
        """
        Wait as L{saved} does.

        @return: fails for what was undone only once, so that a coroutine that goes on for ever can
            notify again.
        """
        return self.saved().addErrback(self._forget_undone, tuple(self))

    def _forget_undone(self, why: Failure, waited: tuple[Commit, ...]) -> Failure:
        for commit in waited:
            if commit in self and commit.is_undone:
                self.remove(commit)
                self.undone = commit
        return why


def _waited(result: _T, wait: Wait) -> _T:
    wait.end()
    return result


async def _all_saved(commits: Iterable[Commit]) -> None:
    for commit in commits:
        if not commit.is_saved:
            await commit.saved()


class _Stores:
    """
    Whether there was a store in this process.  Until then no call has anything to wait for, and
    none pays for being tracked.
    """

    used = False


STORES: Final = _Stores()

UNSAVED: Final[ContextVar[Unsaved | None]] = ContextVar("pbrealm.unsaved", default=None)
"""Of the call that is being served."""


def counted(awaited: Deferred[_T]) -> Deferred[_T]:
    """The call that is being served waits until a Deferred fires, if there is one."""
    call = UNSAVED.get()
    return awaited if call is None else call.counted(awaited)


class Answering(Protocol):
    """What gets the answers of a client."""

    @property
    def message_memory(self) -> int:
        """
        About how many bytes the objects of the message take at most that is being handled; 0 if
        none is.
        """


def count_answer(answer: Deferred[Any], by: Answering, call: Unsaved | None = None) -> None:
    """
    A call has asked a client something: what that answers may be kept for as long as the call
    waits for something else.

    @param call: by default the one that is being served.
    """
    if call is None:
        call = UNSAVED.get()
    if call is not None and not answer.called:
        answer.addBoth(_answered, call, by)


def _answered(result: _T, call: Unsaved, by: Answering) -> _T:
    call.add_memory(by.message_memory)
    return result


def tracking_unsaved(
    account: Account | None, function: Callable[_P, _T], /, *args: _P.args, **kw: _P.kwargs
) -> _T:
    """
    Call a function that isn't a client's call, but whose notifications wait as those of one do.

    @param account: counts what waits.
    """
    token = UNSAVED.set(Unsaved(account))
    try:
        return function(*args, **kw)
    finally:
        UNSAVED.reset(token)
