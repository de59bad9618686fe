"""
The operations that drain the server, and say whether it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pbrealm._journal import log_action
from pbrealm._server.drain import Drain, DrainState
from pbrealm._server.factory import ServerFactory
from pbrealm.admin._feed import Feed
from pbrealm.admin._operations import Call, Operation, Reply, json_reply
from pbrealm.admin._problems import Problem
from pbrealm.admin._schemas import Schema

MAX_SECONDS: Final = 24 * 3600

_DRAIN: Final[Schema] = {
    "type": "object",
    "properties": {
        "seconds": {
            "type": "number",
            "minimum": 0,
            "maximum": MAX_SECONDS,
            "description": "Over which the sessions end.",
        },
        "text": {
            "type": "string",
            "maxLength": 1000,
            "description": "What the clients are told.",
        },
    },
    # It can't be undone, so it isn't begun by an empty body.
    "required": ["seconds"],
    "additionalProperties": False,
}

_COUNT_OR_NULL: Final = {"type": ["integer", "null"], "minimum": 0}

_STATE: Final[Schema] = {
    "type": "object",
    "properties": {
        "state": {"enum": ["serving", "draining", "drained"]},
        "total": {**_COUNT_OR_NULL, "description": "Sessions there were when it began."},
        "left": {**_COUNT_OR_NULL, "description": "Sessions that are still to end."},
        "seconds": {"type": ["number", "null"]},
    },
    "required": ["state", "total", "left", "seconds"],
    "additionalProperties": False,
}

_HEALTH: Final[Schema] = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
    "additionalProperties": False,
}


class DrainOperations:
    """
    Drains a server.
    """

    def __init__(
        self, factory: ServerFactory, feed: Feed, on_drained: Callable[[], object] | None
    ) -> None:
        """
        @param on_drained: called when a drain that was begun here is over.
        """
        self._factory = factory
        self._feed = feed
        self._on_drained = on_drained

    def operations(self) -> Sequence[Operation]:
        """The part of the table."""
        return (
            Operation(
                "POST",
                "/api/drain",
                "Let nobody in any more, have all clients leave, evenly over the seconds, to come "
                "back to another server, and then stop.  It can't be changed or undone.",
                self._drain,
                body=_DRAIN,
                responses={202: ("It has begun.", _STATE)},
                problems={409: "It was begun before, or the server is closed."},
            ),
            Operation(
                "GET",
                "/api/drain",
                "Show how far a drain has got.",
                lambda call: json_reply(_state(self._factory.draining)),
                responses={200: ("The state.", _STATE)},
            ),
            Operation(
                "GET",
                "/healthz",
                "Tell that the process answers.",
                lambda call: json_reply({"status": "ok"}),
                responses={200: ("It does.", _HEALTH)},
                public=True,
            ),
            Operation(
                "GET",
                "/readyz",
                "Tell whether clients can log in.",
                lambda call: self._ready(),
                responses={200: ("They can.", _HEALTH)},
                problems={503: "The server is being drained, or doesn't listen."},
                public=True,
            ),
        )

    def _drain(self, call: Call) -> Reply:
        seconds, text = call.body["seconds"], call.body.get("text")
        if self._factory.draining is not None:
            raise Problem(
                409,
                "the server is being drained already, which can't be changed: see pbrealm top, or "
                "GET /api/drain",
            )
        try:
            drain = self._factory.drain(seconds, text=text)
        except RuntimeError:
            raise Problem(409, "the server is closed") from None
        log_action(call.who, "drain", f"{drain.total} sessions over {seconds:g} s", text=text)
        said = {"by": call.who, "text": text}
        self._publish(said, drain)
        drain.done().addCallback(lambda _: self._drained(said, drain))
        return json_reply(_state(drain), 202)

    def _drained(self, said: Mapping[str, Any], drain: Drain) -> None:
        self._publish(said, drain)
        if self._on_drained is not None:
            self._on_drained()

    def _publish(self, said: Mapping[str, Any], drain: Drain) -> None:
        self._feed.publish("drain", {**said, **_state(drain)})

    def _ready(self) -> Reply:
        if self._factory.draining is not None:
            raise Problem(503, "the server is being drained")
        if not self._factory.serving:
            raise Problem(503, "the server doesn't listen")
        return json_reply({"status": "ready"})


def _state(drain: Drain | None) -> dict[str, Any]:
    if drain is None:
        return {"state": "serving", "total": None, "left": None, "seconds": None}
    drained = drain.state is DrainState.DRAINED
    return {
        "state": "drained" if drained else "draining",
        "total": drain.total,
        "left": drain.left,
        "seconds": drain.seconds,
    }
