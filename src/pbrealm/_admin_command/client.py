"""
Asks the API of an administration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import treq
from hyperlink import DecodedURL
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed

from pbrealm._admin_command.connection import DEFAULT_ENDPOINT
from pbrealm._admin_command.event_parser import EventParser
from pbrealm._admin_command.exit_status import (
    CommandError,
    Failed,
    NotFound,
    Unreachable,
    WrongUsage,
)
from pbrealm._admin_command.text import one_line

ANSWER_SECONDS: Final = 30.0
"""How long the server may take to answer."""

SILENT_SECONDS: Final = 60.0
"""How long a stream may be silent.  The server sends a comment four times as often."""

PAGE: Final = 1000
"""How many rows are asked for at once.  The server allows no more."""

# The administration answers for this host at whatever address it listens.
_BASE: Final = DecodedURL.from_text("http://localhost/").child("api")

_ERRORS: Final[Mapping[int, type[CommandError]]] = {404: NotFound, 422: WrongUsage}
"""By the status of the response; others are of the server."""

_T = TypeVar("_T")


class AdminClient:
    """
    A client of the API.
    """

    def __init__(
        self, http: Any, reactor: IReactorTime, where: str, token: str | None = None
    ) -> None:
        """
        @param http: treq's client, or its stand-in for tests.
        @param where: what is asked, for error messages.
        @param token: the bearer token, if there is one.
        """
        self._http = http
        self._reactor = reactor
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.where = where

    async def ask(
        self,
        method: str,
        *path: str,
        parameters: Mapping[str, object] | None = None,
        body: object = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """
        Ask for one thing.

        @param path: the segments after C{/api}.
        @param parameters: those of the query.  What is L{None} is left out.
        @param body: is sent as JSON, unless it is L{None}.
        @param seconds: how long the server may take.
        @return: the answer, from JSON.
        @raise CommandError: if there is none, or it is a problem.
        """

        async def request() -> Any:
            response = await self._send(method, path, parameters or {}, body)
            return self._read(response.code, await treq.content(response))

        return await self._answer(request(), seconds)

    async def pages(
        self, name: str, parameters: Mapping[str, object], limit: int | None = None
    ) -> list[Any]:
        """
        Ask for a list, page by page.

        @param name: what is listed.
        @param limit: how many rows are wanted at most; L{None} for all.
        """
        rows: list[Any] = []
        cursor = None
        while limit is None or len(rows) < limit:
            wanted = PAGE if limit is None else min(PAGE, limit - len(rows))
            page = await self.ask(
                "GET", name, parameters={**parameters, "cursor": cursor, "limit": wanted}
            )
            rows += page[name]
            cursor = page["next"]
            if cursor is None:
                break
        return rows

    async def follow(self, on_event: Callable[[str, Any], object]) -> None:
        """
        Follow the events, until the server ends the stream.

        @param on_event: called with the name and the data of each event.
        @raise CommandError: if the stream can't be had, or is lost.
        """

        async def begin() -> Any:
            response = await self._send("GET", ["events"], {}, None, unbuffered=True)
            if response.code != 200:
                self._read(response.code, await treq.content(response))
            return response

        response = await self._answer(begin(), ANSWER_SECONDS)
        parser = EventParser(lambda name, data: on_event(name, json.loads(data)))
        ended: Deferred[None] = Deferred()
        silence = self._reactor.callLater(SILENT_SECONDS, ended.errback, TimeoutError())

        def received(data: bytes) -> None:
            if silence.active():
                silence.reset(SILENT_SECONDS)
            try:
                if not ended.called:
                    parser.feed(data)
            except BaseException:
                ended.errback(Failure())

        def finished(result: Any) -> None:
            if not ended.called:
                ended.callback(result)

        treq.collect(response, received).addBoth(finished)
        try:
            await ended
        except TimeoutError:
            raise Unreachable(f"{self.where} was silent for {SILENT_SECONDS:g} s") from None
        except ResponseFailed as why:
            raise Unreachable(f"{self.where} was lost: {_cause(why)}") from None
        finally:
            if silence.active():
                silence.cancel()

    def _send(
        self,
        method: str,
        path: Sequence[str],
        parameters: Mapping[str, object],
        body: object,
        **options: bool,
    ) -> Deferred[Any]:
        given = {name: value for name, value in parameters.items() if value is not None}
        if body is not None:
            options["json"] = body  # type: ignore[assignment]
        sent: Deferred[Any] = self._http.request(
            method,
            _BASE.child(*path),
            params=given,
            headers=self._headers,
            allow_redirects=False,
            **options,
        )
        return sent

    async def _answer(self, work: Coroutine[Any, Any, _T], seconds: float) -> _T:
        try:
            return await Deferred.fromCoroutine(self._within(work)).addTimeout(
                seconds, self._reactor
            )
        except TimeoutError:
            raise Unreachable(f"{self.where} hasn't answered within {seconds:g} s") from None

    async def _within(self, work: Coroutine[Any, Any, _T]) -> _T:
        try:
            return await work
        except (ConnectError, OSError) as why:
            raise Unreachable(
                f"{self.where} can't be reached: {_cause(why)}{self._hint_of_place()}"
            ) from None
        except (RequestTransmissionFailed, ResponseFailed) as why:
            # A request that is cancelled fails with what that has led to.
            if any(each.check(CancelledError) for each in why.reasons):
                raise CancelledError from None
            raise Unreachable(
                f"{self.where} doesn't answer: {_cause(why)}; perhaps that isn't the "
                f"administration{self._hint_of_tls()}"
            ) from None

    def _hint_of_place(self) -> str:
        if self.where != DEFAULT_ENDPOINT:
            return ""
        return "; --admin or $PBREALM_ADMIN says where the administration listens"

    def _hint_of_tls(self) -> str:
        kind = self.where.partition(":")[0]
        return {"tcp": ", or it has TLS", "tls": ", or it has no TLS"}.get(kind, "")

    def _read(self, status: int, content: bytes) -> Any:
        try:
            answer = json.loads(content)
            if status < 300:
                return answer
            sentence = one_line(answer["detail"])
        except (ValueError, LookupError, TypeError):
            raise Failed(
                f"{self.where} isn't the administration of a server of pbrealm (status {status})"
            ) from None
        if status == 401 and not self._headers:
            sentence = (
                "a token is needed, in the file that --token-file or $PBREALM_TOKEN_FILE names"
            )
        raise _ERRORS.get(status, Failed)(sentence)


def _cause(error: BaseException) -> str:
    """What has gone wrong, in the words of the system if it's from there."""
    while isinstance(error, (RequestTransmissionFailed, ResponseFailed)) and error.reasons:
        error = error.reasons[0].value
    if isinstance(error, ConnectError) and error.osError is not None and error.args:
        return one_line(error.args[0])
    return one_line(str(error).rstrip(".") or type(error).__name__)
