"""
What a client may answer with instead of an error that Perspective Broker makes.
"""

from __future__ import annotations

from typing import Any

FAILURE = b"twisted.spread.pb.CopyableFailure"


def forged(**attributes: Any) -> list[Any]:
    """The jelly of a failure with these attributes."""
    state: dict[str, Any] = {
        "type": b"builtins.ValueError",
        "value": [b"unicode", b"no"],
        "traceback": [b"unicode", b""],
        "parents": [b"list", b"builtins.ValueError"],
        **attributes,
    }
    pairs = [[[b"unicode", name.encode()], value] for name, value in state.items()]
    return [FAILURE, [b"dictionary", *pairs]]


ODD_ERRORS: dict[str, Any] = {
    "nothing": [b"None"],
    "a number": 5,
    "bytes": b"error",
    "a list": [b"list", 1, 2],
    "parents that are a number": forged(parents=5),
    "parents that are numbers": forged(parents=[b"list", 1, [b"list"]]),
    "the parents of a lost connection": forged(
        parents=[b"list", b"twisted.spread.pb.PBConnectionLost"]
    ),
    "a type that is a number": forged(type=7),
    "a value that is a list": forged(value=[b"list", 1]),
    "frames": forged(frames=[b"list", 1], stack=3, traceback=4),
    "nothing but parents": [FAILURE, [b"dictionary", [[b"unicode", b"parents"], [b"list"]]]],
}
