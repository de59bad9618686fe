"""
The resource of the API: from a request to its operation, and from that to the response.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from pbrealm._addresses import format_address
from pbrealm._error_log import ErrorLog
from pbrealm._log_text import log_text
from pbrealm.admin._access import Access, Headers
from pbrealm.admin._operations import JSON_TYPE, Call, Operation, Reply, Routes, Stream, json_reply
from pbrealm.admin._problems import PROBLEM_TYPE, Problem
from pbrealm.admin._refusal_log import RefusalLog
from pbrealm.admin._schemas import BODY, check, convert, parse_json

_FAILED = "the administration failed to answer"

_ONCE = (b"Host", b"Authorization", b"Origin", b"Sec-Fetch-Site")

_MAX_QUERY_FIELDS = 20


class ApiResource(Resource):
    """
    Answers each request by its operation, at the pace of its connection.

    @ivar access: decides who may ask, once it's known where the site listens.
    """

    isLeaf = True

    def __init__(self, operations: Iterable[Operation], reactor: IReactorTime) -> None:
        super().__init__()
        self.access: Access | None = None
        self._routes = Routes(operations)
        self._refusals = RefusalLog(reactor)
        self._errors = ErrorLog(reactor)

    def render(self, request: Any) -> Any:
        if self._admits(request):
            request.channel.admit()
        paced = request.channel.pace.run(self._answer(request))
        answering = Deferred.fromCoroutine(paced).addErrback(self._log_error)
        request.notifyFinish().addErrback(lambda _: answering.cancel())
        return NOT_DONE_YET

    def _admits(self, request: Any) -> bool:
        try:
            headers = _headers(request)
            self._checked_access(headers).check(headers)
        except Exception:
            # The answer says why.
            return False
        return True

    def _checked_access(self, headers: Headers) -> Access:
        if self.access is None:
            raise Problem(503, "the administration has yet to start")
        self.access.check_browser(headers)
        return self.access

    def stop(self) -> None:
        """Leave no timer behind."""
        self._errors.stop()

    def _log_error(self, why: Failure) -> None:
        if not why.check(CancelledError):
            self._errors.failure(_FAILED, why)

    async def _answer(self, request: Any) -> None:
        try:
            operation, call = self._take(request)
            answer = operation.handler(call)
            if not isinstance(answer, (Reply, Stream)):
                answer = await answer
        except Problem as problem:
            if problem.status in (401, 403):
                self._refusals.log(_who(request), problem.detail)
            for name, value in problem.headers.items():
                request.setHeader(name.encode("ascii"), value.encode("ascii"))
            reply = json_reply(problem.details(), problem.status)
            answer = Reply(reply.body, problem.status, PROBLEM_TYPE.decode("ascii"))
        except CancelledError:
            # The client has gone.
            raise
        except Exception:
            self._errors.failure(_FAILED, Failure())
            reply = json_reply(Problem(500, "an error, which is in the log").details())
            answer = Reply(reply.body, 500, PROBLEM_TYPE.decode("ascii"))
        _respond(request, answer)

    def _take(self, request: Any) -> tuple[Operation, Call]:
        headers = _headers(request)
        access = self._checked_access(headers)
        segments = [segment.decode("utf-8", "replace") for segment in request.postpath]
        method = request.method.decode("ascii", "replace")
        try:
            operation, texts = self._routes.find(method, segments)
        except Problem:
            # Others needn't know what there is.
            access.check(headers)
            raise
        if not operation.public:
            access.check(headers)
        parameters = _parameters(operation, texts, request)
        return operation, Call(parameters, _body(operation, request), _who(request))


def _headers(request: Any) -> Headers:
    def text(name: bytes) -> str | None:
        value = request.getHeader(name)
        return None if value is None else value.decode("ascii", "backslashreplace")

    for name in _ONCE:
        if len(request.requestHeaders.getRawHeaders(name, [])) > 1:
            raise Problem(400, f"there is more than one {name.decode('ascii')}")
    return Headers(
        request.getHeader(b"authorization"),
        text(b"host"),
        text(b"origin"),
        text(b"sec-fetch-site"),
    )


def _who(request: Any) -> str:
    address = request.getClientAddress()
    return "unix socket" if not hasattr(address, "host") else format_address(address)


def _parameters(operation: Operation, texts: Mapping[str, str], request: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            parameters[name] = convert(name, text, operation.path_parameters[name])
        except ValueError as why:
            raise Problem(404, str(why)) from None
    known = {each.name: each for each in operation.query}
    for name, text in _query(request.uri):
        if name not in known:
            raise Problem(400, f"there is no parameter {log_text(name)}")
        if name in parameters:
            raise Problem(400, f"the parameter {name} is there twice")
        try:
            parameters[name] = convert(name, text, known[name].schema)
        except ValueError as why:
            raise Problem(400, str(why)) from None
    for name, each in known.items():
        parameters.setdefault(name, each.schema.get("default"))
    return parameters


def _query(uri: bytes) -> list[tuple[str, str]]:
    query = uri.partition(b"?")[2]
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=_MAX_QUERY_FIELDS,
        )
    except ValueError:
        raise Problem(400, "the query can't be parsed") from None


def _body(operation: Operation, request: Any) -> Mapping[str, Any]:
    if operation.body is None:
        return {}
    data = request.content.read()
    if not data and not operation.body_required:
        return {}
    # A page of another site can't send this type without asking first.
    kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != JSON_TYPE.encode("ascii"):
        raise Problem(415, f"the body must be of the type {JSON_TYPE}")
    try:
        body = parse_json(data)
    except ValueError as why:
        raise Problem(400, str(why)) from None
    try:
        check(BODY, body, operation.body)
    except ValueError as why:
        raise Problem(422, str(why)) from None
    checked: Mapping[str, Any] = body
    return checked


def _respond(request: Any, answer: Reply | Stream) -> None:
    request.setHeader(b"Content-Type", answer.content_type.encode("ascii"))
    if isinstance(answer, Stream):
        request.setHeader(b"Connection", b"close")
        request.channel.persistent = False
        if request.method != b"HEAD":
            answer.start(request)
            return
    else:
        request.setResponseCode(answer.status)
        request.setHeader(b"Content-Length", b"%d" % len(answer.body))
        request.write(b"" if request.method == b"HEAD" else answer.body)
    request.finish()
