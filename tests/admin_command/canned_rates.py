"""
Rates of a server, made up.
"""

from __future__ import annotations

from typing import Any

from pbrealm.admin import AdminService
from pbrealm.admin._operations import Operation, Routes, json_reply


def rates(steps: int) -> dict[str, Any]:
    """What a server that has run for so many steps answers."""
    return {
        "step": 10,
        "times": ["2026-01-02T03:04:00.000Z"] * steps,
        "sessions": [5] * steps,
        "logins": list(range(steps)),
        "refusals": [0] * steps,
        "ends": {"kicked": [1] * steps},
    }


def give_rates(service: AdminService, answer: dict[str, Any]) -> None:
    """Have an administration answer with these."""
    given = Operation("GET", "/api/rates", "Count.", lambda call: json_reply(answer))
    others = [each for each in service._api.operations if each.path != given.path]
    service._resource._routes = Routes([*others, given])
