"""
Resumption: a client that has lost its connection comes back to its sessions.

A client that wants that calls three methods of the root object.  Before its login C{identify}
tells who it is among the clients of the account: a client that was started anew takes the place of
its earlier self.  After its login C{beginResumable} gives it an id and a token.  On a new
connection it calls C{resume} with these instead of logging in.  Plain clients call none of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hmac import compare_digest
from secrets import token_bytes
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IReactorTime

from pbrealm._wire.ids import MAX_CLIENT_ID, is_client_id
from pbrealm.errors import LoginRefused, Reason

_TOKEN_BYTES: Final = 16
_MAX_ENDED: Final = 10_000
"""Of how many sessions that have ended it is remembered why."""


class Resumable(Protocol):
    """
    A client that may come back.
    """

    @property
    def handled(self) -> int:
        """How many bytes of the client were handled, while there was a session."""

    @property
    def number(self) -> int:
        """Grows with each client that tells who it is."""

    def replaced(self) -> object:
        """The same client has logged in by another connection."""

    def identify(self, client_id: bytes) -> object:
        """
        Note who the client is among those of its account.

        @raise LoginRefused: if it's too late for that.
        """

    def begin(self) -> Handover:
        """
        @raise LoginRefused: if the connection can't be made resumable just now.
        """

    def check_may_resume(self) -> None:
        """
        @raise LoginRefused: if no other client may come back by this one's connection.
        """

    def resume(self, by: Any, received: int) -> Handover:
        """
        The client is back, by the connection of another.

        @raise ResumptionEnded: if what it lacks isn't kept any more.
        """


class Caller(Protocol):
    """The connection of the client that calls the methods."""

    @property
    def resumption(self) -> Resumable:
        """Its client."""


class Handover:
    """
    The answer to a call, after which the connection isn't used as before.

    @ivar parts: what is answered.
    @ivar then: called once the answer is written.
    """

    __slots__ = ("parts", "then")

    def __init__(self, parts: tuple[bytes, ...], then: Callable[[], object]) -> None:
        self.parts = parts
        self.then = then


class _Entry:
    """
    @ivar tokens: any of them is accepted: the last that was given out, and the one before, since
        the client may have lost its connection before it got the last.
    """

    __slots__ = ("attempt", "resumable", "tokens")

    def __init__(self, resumable: Resumable) -> None:
        self.resumable = resumable
        self.attempt = 0
        self.tokens = [token_bytes(_TOKEN_BYTES)]


class _Ended:
    """Why a session can't be resumed any more."""

    __slots__ = ("handled", "reason", "tokens", "until")

    def __init__(self, entry: _Entry, reason: Reason, until: float) -> None:
        self.tokens = entry.tokens
        self.handled = entry.resumable.handled
        self.reason = reason
        self.until = until


class ResumptionMethods:
    """
    The methods of the root object by which a client comes back.
    """

    def __init__(self, resumptions: Resumptions) -> None:
        self._resumptions = resumptions
        self._methods: dict[tuple[str, int], Callable[..., object]] = {
            ("identify", 1): self._identify,
            ("beginResumable", 0): self._begin,
            ("resume", 4): self._resume,
        }

    def find(self, name: str, count: int) -> Callable[..., object] | None:
        """
        @param count: how many arguments the client passes.
        """
        return self._methods.get((name, count))

    def _identify(self, caller: Caller, client_id: Any) -> bytes:
        if not is_client_id(client_id):
            raise LoginRefused(f"the id of a client must be 1 to {MAX_CLIENT_ID} bytes")
        caller.resumption.identify(client_id)
        return b""

    def _begin(self, caller: Caller) -> Handover:
        self._resumptions.check_enabled()
        return caller.resumption.begin()

    def _resume(
        self, caller: Caller, name: object, token: object, attempt: object, received: object
    ) -> object:
        if not (
            type(name) is bytes
            and type(token) is bytes
            and type(attempt) is int
            and type(received) is int
        ):
            raise LoginRefused("not what a session is resumed by")
        caller.resumption.check_may_resume()
        try:
            resumable = self._resumptions.find(name, token, attempt)
            return resumable.resume(caller.resumption, received)
        except ResumptionEnded as why:
            return (b"ended", b"%d" % why.reason.number, b"%d" % why.handled)


class Resumptions:
    """
    The connections of a server that can be resumed, by their ids.

    @ivar seconds: that a client has to come back; 0 if it can't.
    """

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self._clock = clock
        self.seconds = seconds
        self._entries: dict[bytes, _Entry] = {}
        # In the order in which they are forgotten.
        self._ended: OrderedDict[bytes, _Ended] = OrderedDict()
        self._by_client: dict[tuple[str, bytes | None], Resumable] = {}

    def check_enabled(self) -> None:
        """
        @raise LoginRefused: if clients can't come back to this server.
        """
        if not self.seconds:
            raise LoginRefused("sessions can't be resumed here")

    def add(self, resumable: Resumable) -> tuple[bytes, bytes]:
        """
        A connection can be resumed from now on.

        @return: its id, and the first token.
        """
        name = token_bytes(_TOKEN_BYTES)
        entry = self._entries[name] = _Entry(resumable)
        return name, entry.tokens[-1]

    def remove(self, name: bytes, reason: Reason) -> None:
        """It can't any more."""
        entry = self._entries.pop(name)
        now = self._clock.seconds()
        self._forget(now)
        self._ended[name] = _Ended(entry, reason, now + self.seconds)

    def _forget(self, now: float) -> None:
        ended = self._ended
        while ended and (len(ended) >= _MAX_ENDED or next(iter(ended.values())).until < now):
            ended.popitem(last=False)

    def find(self, name: bytes, token: bytes, attempt: int) -> Resumable:
        """
        Find what a client comes back to.

        @param attempt: the number of the client's attempt, which grows.
        @raise LoginRefused: if there is nothing of that name and token, or a later attempt has
            come before.
        @raise ResumptionEnded: if there was, but not any more.
        """
        entry = self._entries.get(name)
        if entry is not None and _is_valid(token, entry.tokens):
            if attempt <= entry.attempt:
                raise LoginRefused("the client has come back by a later attempt")
            entry.attempt = attempt
            # With it, the client proves that it has got it.
            entry.tokens = [each for each in entry.tokens if compare_digest(each, token)]
            return entry.resumable
        self._forget(self._clock.seconds())
        ended = self._ended.get(name)
        if ended is not None and _is_valid(token, ended.tokens):
            raise ResumptionEnded(ended.reason, ended.handled)
        raise LoginRefused("there is no such session to resume")

    def next_token(self, name: bytes) -> bytes:
        """A further token, to be given to the client."""
        token = token_bytes(_TOKEN_BYTES)
        self._entries[name].tokens.append(token)
        return token

    def take_place(self, avatar_id: str, client_id: bytes, client: Resumable) -> Resumable | None:
        """
        A client has logged in.

        @return: the same client as it was before, if it has the place.
        """
        key = avatar_id, client_id
        earlier = self._by_client.get(key)
        if earlier is client or (earlier is not None and earlier.number > client.number):
            # A login that took long may come to be accepted after a later one.
            return None
        self._by_client[key] = client
        return earlier

    def leave_place(self, avatar_id: str, client_id: bytes | None, connection: Any) -> None:
        """Its connection is gone for good."""
        if self._by_client.get((avatar_id, client_id)) is connection:
            del self._by_client[avatar_id, client_id]


class ResumptionEnded(Exception):
    """
    What a client comes back to has ended.

    @ivar reason: why.
    @ivar handled: how many bytes of the client were handled before.
    """

    def __init__(self, reason: Reason, handled: int) -> None:
        super().__init__(reason.text)
        self.reason = reason
        self.handled = handled


def _is_valid(token: bytes, tokens: list[bytes]) -> bool:
    return any(compare_digest(token, each) for each in tokens)
