"""
The operations on what may be changed while the server serves: limits, backlog, and the limit of
sessions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields, replace
from typing import Any, Final, TypeVar

from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IReactorTime

from pbrealm._arguments import MAX_COUNT, MAX_SECONDS
from pbrealm._delivery.backlog import Backlog, SlowClientPolicy
from pbrealm._journal import log_action
from pbrealm._limit_fields import description_of, least_of
from pbrealm._server.factory import ServerFactory
from pbrealm._server.limits import Limits
from pbrealm.admin._feed import Feed
from pbrealm.admin._operations import Call, Operation, Reply, json_reply
from pbrealm.admin._policy_names import name_of_policy, policy_of_name
from pbrealm.admin._problems import Problem
from pbrealm.admin._schemas import Schema
from pbrealm.admin._waiting import wait_for
from pbrealm.realms._closing import HasRealmsWithin
from pbrealm.realms._connection_limited import ConnectionLimitedRealm

_L = TypeVar("_L", Limits, Backlog)

_WHEN_SLOW: Final = {policy.value.replace(" ", "-"): policy for policy in SlowClientPolicy}
"""By the names that the command's option has for them."""

_FIELD_SCHEMAS: Final[Mapping[object, Schema]] = {
    "int": {"type": "integer", "minimum": 1, "maximum": MAX_COUNT},
    "float": {"type": "number", "minimum": 0, "maximum": MAX_SECONDS},
    "SlowClientPolicy": {"type": "string", "enum": list(_WHEN_SLOW)},
}
"""By the annotation of a field."""

_COUNT_OR_NULL: Final[Schema] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": MAX_COUNT,
}

_ON_FULL: Final[Schema] = {
    "type": "string",
    "description": "refuse, replace, ping or wait; the last three also with seconds, as in "
    "replace:60; or the name of a policy of the program's own, which can't be set.",
}


def _object(properties: Mapping[str, Schema], nullable: bool = False) -> Schema:
    return {
        "type": ["object", "null"] if nullable else "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _fields_schema(kind: type[Limits] | type[Backlog]) -> Schema:
    return _object(
        {
            each.name: {
                **_FIELD_SCHEMAS[each.type],
                **_least(each),
                "description": description_of(each),
            }
            for each in fields(kind)
        }
    )


def _least(field: Field[Any]) -> Schema:
    least = least_of(field)
    # A limit in seconds may also be 0, so its class checks it.
    return {} if least is None or field.type == "float" else {"minimum": least}


_LIMITS: Final = _fields_schema(Limits)
_BACKLOG: Final = _fields_schema(Backlog)
_SESSIONS: Final = {"limit": _COUNT_OR_NULL, "total": _COUNT_OR_NULL, "on_full": _ON_FULL}

_CHANGES: Final[Schema] = _object(
    {"limits": _LIMITS, "backlog": _BACKLOG, "sessions": _object(_SESSIONS)}
)

_SETTINGS: Final[Schema] = {
    **_object(
        {
            "limits": _LIMITS,
            "backlog": _BACKLOG,
            "sessions": {
                **_object(
                    {
                        **_SESSIONS,
                        "limit": {
                            "anyOf": [_COUNT_OR_NULL, {"enum": ["callable"]}],
                            "description": "Of each avatar id; callable if the program decides.",
                        },
                    },
                    nullable=True,
                ),
                "description": "Null if no realm limits sessions.",
            },
            "draining": {"type": "boolean"},
        }
    ),
    "required": ["limits", "backlog", "sessions", "draining"],
}

_CHANGED: Final[Schema] = {
    **_SETTINGS,
    "properties": {
        **_SETTINGS["properties"],
        "ended": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "How many sessions the policy has ended; null if it has yet to decide.",
        },
    },
    "required": [*_SETTINGS["required"], "ended"],
}

DECISION_SECONDS: Final = 5
"""How long a response waits for the policy to decide on sessions."""


class SettingOperations:
    """
    Shows and changes the limits of a server.
    """

    def __init__(self, factory: ServerFactory, feed: Feed, clock: IReactorTime) -> None:
        self._factory = factory
        self._feed = feed
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "GET",
                "/api/settings",
                "Show the limits.",
                lambda call: json_reply(self._settings()),
                responses={200: ("All settings.", _SETTINGS)},
            ),
            Operation(
                "PATCH",
                "/api/settings",
                "Change limits.  What isn't given stays; if anything is wrong, all stays.  They "
                "hold for those who are in, too: sessions beyond a limit are left to the policy.  "
                "They last until the server restarts.",
                self._change,
                body=_CHANGES,
                responses={200: ("All settings, as they are now.", _CHANGED)},
            ),
        )

    def _settings(self) -> Mapping[str, Any]:
        factory, realm = self._factory, self._limited_realm()
        sessions = realm and {
            "limit": "callable" if callable(realm.limit) else realm.limit,
            "total": realm.total,
            "on_full": name_of_policy(realm.on_full),
        }
        return {
            "limits": _values(factory.limits),
            "backlog": _values(factory.backlog),
            "sessions": sessions,
            "draining": factory.draining is not None,
        }

    async def _change(self, call: Call) -> Reply:
        factory, body = self._factory, call.body
        try:
            limits = _changed(factory.limits, body.get("limits", {}))
            backlog = _changed(factory.backlog, body.get("backlog", {}))
            sessions = dict(body.get("sessions", {}))
            if "on_full" in sessions:
                sessions["on_full"] = policy_of_name(sessions["on_full"])
        except ValueError as why:
            raise Problem(422, str(why)) from None
        realm = self._limited_realm()
        if sessions and realm is None:
            raise Problem(422, "no realm of the server limits sessions")
        # All that can be wrong has been found by now.
        log_action(call.who, "settings", json.dumps(body))
        self._feed.publish("settings", {"by": call.who, "changes": body})
        factory.limits, factory.backlog = limits, backlog
        ended: int | None = 0
        if sessions and realm is not None:
            decided = wait_for(realm.change(**sessions))
            try:
                ended = await decided.addTimeout(DECISION_SECONDS, self._clock)
            except TimeoutError:
                ended = None
        return json_reply({**self._settings(), "ended": ended})

    def _limited_realm(self) -> ConnectionLimitedRealm[Any] | None:
        return next(
            (
                realm
                for outer in (self._factory.realm, *self._factory.reached)
                for realm in _with_realms_within(outer)
                if isinstance(realm, ConnectionLimitedRealm)
            ),
            None,
        )


def _with_realms_within(realm: object) -> Iterator[object]:
    yield realm
    if isinstance(realm, HasRealmsWithin):
        for each in realm.realms_within():
            yield from _with_realms_within(each)


def _values(limits: Limits | Backlog) -> dict[str, Any]:
    values = {each.name: getattr(limits, each.name) for each in fields(limits)}
    return {
        name: value.value.replace(" ", "-") if isinstance(value, SlowClientPolicy) else value
        for name, value in values.items()
    }


def _changed(limits: _L, changes: Mapping[str, Any]) -> _L:
    named: dict[str, Any] = {
        name: _WHEN_SLOW[value] if name == "when_slow" else value
        for name, value in changes.items()
    }
    return replace(limits, **named)
