"""
The operations that call clients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pbrealm._delivery.report import DeliveryReport
from pbrealm._journal import log_action
from pbrealm._log_text import kind_of, log_text
from pbrealm._session.session import Session
from pbrealm.admin._feed import Feed
from pbrealm.admin._operations import Call, Operation, Reply, json_reply
from pbrealm.admin._plain import MAX_REPLY_CHARACTERS, MAX_REPLY_VALUES, Budget, plain
from pbrealm.admin._problems import Problem
from pbrealm.admin._schemas import Schema
from pbrealm.admin._waiting import wait_for
from pbrealm.errors import PBRealmError
from pbrealm.realms._mind_tracking import MindTrackingRealm

MAX_FAILURES: Final = 100
"""How many failures a report tells of."""

MAX_ANSWERS: Final = 100
"""How many answers a report has."""

MAX_WAITING: Final = 20
"""
How many messages may wait for answers at once.  Their connections would keep others from having
any.
"""

_NOT_SENT: Final = ("pbanswer", "pbtimeout")
"""Keyword arguments that C{callRemote} doesn't pass on."""

_MESSAGE: Final[Mapping[str, Schema]] = {
    "method": {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "description": "The method of the clients' minds, without remote_.",
    },
    "args": {"type": "array", "default": []},
    "kwargs": {"type": "object", "default": {}},
    "timeout": {
        "type": "number",
        "minimum": 0.001,
        "maximum": 600,
        "default": 30,
        "description": "Seconds that the clients have to answer.",
    },
}

_T = TypeVar("_T")

_COUNT: Final = {"type": "integer", "minimum": 0}

_REPORT: Final[Mapping[str, Schema]] = {
    "answered": _COUNT,
    "failed": {
        "type": "array",
        "maxItems": MAX_FAILURES,
        "items": {
            "type": "object",
            "properties": {"session": {"type": "integer"}, "why": {"type": "string"}},
            "required": ["session", "why"],
            "additionalProperties": False,
        },
        "description": f"The first {MAX_FAILURES} failures.",
    },
    "failed_count": _COUNT,
    "gone": _COUNT,
    "dropped": _COUNT,
}

_ANSWERS: Final[Schema] = {
    "type": "object",
    "description": f"The first {MAX_ANSWERS} answers by session; what JSON can't hold, or is very "
    "large, as Python writes it, in 200 characters, of which large parts are only their type and "
    f"size. So is what goes beyond {MAX_REPLY_VALUES:,} values, or {MAX_REPLY_CHARACTERS:,} "
    "characters of strings and numbers, in all answers together.",
}


_TOO_MANY: Final = f"{MAX_WAITING} messages wait for answers of clients; try again later"


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


class MessageOperations:
    """
    Calls the minds of a realm's clients.
    """

    def __init__(self, realm: MindTrackingRealm[Any], feed: Feed) -> None:
        self._realm = realm
        self._feed = feed
        # How many messages wait for answers of clients.
        self._waiting = 0

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        with_answers = {**_REPORT, "answers": _ANSWERS}
        return (
            Operation(
                "POST",
                "/api/notify",
                "Call a method of the clients of an avatar id.",
                self._notify,
                body=_object(
                    {"avatar_id": {"type": "string"}, **_MESSAGE}, ["avatar_id", "method"]
                ),
                responses={200: ("What came of it.", _object(with_answers, list(with_answers)))},
                problems={503: _TOO_MANY},
            ),
            Operation(
                "POST",
                "/api/broadcast",
                "Call a method of all clients.",
                self._broadcast,
                body=_object(_MESSAGE, ["method"]),
                responses={200: ("What came of it.", _object(_REPORT, list(_REPORT)))},
                problems={503: _TOO_MANY},
            ),
        )

    async def _notify(self, call: Call) -> Reply:
        avatar_id, method = call.body["avatar_id"], call.body["method"]
        args, keywords = _arguments(call.body)
        self._check_waiting()
        log_action(call.who, "notify", f"{method} of {avatar_id}", avatar_id)
        self._feed.publish("notify", {"by": call.who, "avatar_id": avatar_id, "method": method})
        report = await self._wait(self._realm.notify(avatar_id, method, *args, **keywords))
        budget = Budget()
        answers = {
            str(session.id): plain(report.answered[session], budget)
            for session in islice(report.answered, MAX_ANSWERS)
        }
        return json_reply({**_counts(report), "answers": answers})

    async def _broadcast(self, call: Call) -> Reply:
        method = call.body["method"]
        args, keywords = _arguments(call.body)
        self._check_waiting()
        log_action(call.who, "broadcast", method)
        self._feed.publish("broadcast", {"by": call.who, "method": method})
        report = await self._wait(self._realm.broadcast(method, *args, **keywords))
        return json_reply(_counts(report))

    def _check_waiting(self) -> None:
        if self._waiting >= MAX_WAITING:
            raise Problem(503, _TOO_MANY)

    def _wait(self, sending: Deferred[_T]) -> Deferred[_T]:
        def done(result: _T) -> _T:
            self._waiting -= 1
            return result

        self._waiting += 1
        return wait_for(sending.addBoth(done))


def _arguments(body: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    keywords = body.get("kwargs", {})
    for name in _NOT_SENT:
        if name in keywords:
            raise Problem(422, f"kwargs must not have {name}, which isn't sent")
    return body.get("args", []), {**keywords, "pbtimeout": body.get("timeout", 30)}


def _counts(report: DeliveryReport[Session[Any]]) -> dict[str, Any]:
    failed = [
        {"session": session.id, "why": _why(report.failed[session])}
        for session in islice(report.failed, MAX_FAILURES)
    ]
    return {
        "answered": len(report.answered),
        "failed": failed,
        "failed_count": len(report.failed),
        "gone": len(report.gone),
        "dropped": len(report.dropped),
    }


def _why(failure: Failure) -> str:
    if isinstance(failure.value, PBRealmError):
        return log_text(failure.value)
    return f"{kind_of(failure)}: {log_text(failure.value)}"
