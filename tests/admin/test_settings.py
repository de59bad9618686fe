"""
Settings that are changed while the server serves.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pbrealm import (
    Backlog,
    CachingRealm,
    Limits,
    MindTrackingRealm,
    PingOldest,
    Refuse,
    ReplaceOldest,
    SlowClientPolicy,
    WaitForRoom,
)
from pbrealm.admin._policy_names import name_of_policy, policy_of_name
from tests.admin.admin_case import AdminTestCase, Player
from tests.logs import log_entries


class SettingTests(AdminTestCase):
    def test_show(self):
        settings = self.get("/api/settings")
        self.assertEqual(settings["limits"], vars(self.limits))
        self.assertEqual(set(settings["backlog"]), {each.name for each in fields(Backlog)})
        self.assertEqual(settings["backlog"]["when_slow"], "end")
        self.assertEqual(settings["sessions"], {"limit": 5, "total": None, "on_full": "refuse"})
        self.assertFalse(settings["draining"])

    def test_change(self):
        entries = log_entries(self)
        changes = {
            "limits": {"connections": 7, "ping_timeout": 1.5},
            "backlog": {"hard_bytes": 2000000, "when_slow": "drop-oldest"},
            "sessions": {"limit": 2, "total": 9, "on_full": "replace:0"},
        }
        response = self.ask("PATCH", "/api/settings", changes)
        self.assertEqual(response.status, 200)
        self.assertEqual(response.json, {**self.get("/api/settings"), "ended": 0})
        factory = self.service_factory()
        self.assertEqual((factory.limits.connections, factory.limits.ping_timeout), (7, 1.5))
        self.assertEqual(factory.limits.login_attempts, Limits().login_attempts)
        self.assertEqual(factory.backlog.when_slow, SlowClientPolicy.DROP_OLDEST)
        self.assertEqual(response.json["sessions"], changes["sessions"])
        self.assertEqual(len([entry for entry in entries if "settings from" in entry]), 1)

    def service_factory(self):
        return self.server.factory

    def test_held_by_those_who_are_in(self):
        for _ in range(3):
            self.log_in()
        _, second, third = self.realm.sessions()
        changes = {"sessions": {"limit": 2, "on_full": "replace:0"}}
        response = self.change_and_wait(changes, 1)
        self.assertEqual(self.realm.sessions(), (second, third))
        self.assertEqual(response.json["ended"], 1)

    def change_and_wait(self, changes: Any, seconds: float) -> Any:
        connection = self.connect()
        connection.ask_only("PATCH", "/api/settings", changes)
        self.server.advance(seconds)
        response = connection.response()
        self.check_described("PATCH", "/api/settings", response)
        return response

    def test_policy_lets_them_stay(self):
        for _ in range(3):
            self.log_in()
        response = self.change_and_wait({"sessions": {"limit": 1, "on_full": "refuse"}}, 1)
        self.assertEqual((len(self.realm.sessions()), response.json["ended"]), (3, 0))

    def test_policy_takes_its_time(self):
        """Whether sessions end isn't known yet."""
        for _ in range(3):
            self.log_in()
        response = self.change_and_wait({"sessions": {"limit": 1, "on_full": "wait:60"}}, 6)
        self.assertEqual(response.status, 200)
        self.assertIsNone(response.json["ended"])
        self.assertEqual(response.json["sessions"]["limit"], 1)

    def test_refused(self):
        """If anything is wrong, nothing changes."""
        before = self.get("/api/settings")
        for wrong in (
            {"limits": {"connections": 0}},
            {"limits": {"connections": "7"}},
            {"limits": {"connections": 1.5}},
            {"limits": {"login_seconds": 1e308}},
            {"backlog": {"soft_seconds": 10**9 + 1}},
            {"limits": {"nothing": 1}},
            {"limits": {"message_bytes": 1}},
            {"limits": {"unauthenticated_bytes": 10}},
            {"limits": {"ping_interval": 0.0001, "ping_timeout": 0.0001}},
            {"limits": {"ping_interval": 5, "ping_timeout": 0}},
            {"backlog": {"soft_bytes": 9, "hard_bytes": 8}},
            {"backlog": {"when_slow": "never"}},
            {"sessions": {"limit": 0}},
            {"sessions": {"limit": "callable"}},
            {"sessions": {"on_full": "explode"}},
            {"sessions": {"on_full": "ping:0"}},
            {"sessions": {"on_full": "replace:x"}},
            {"draining": True},
        ):
            changes = {"limits": {"logins": 3}, "backlog": {"unanswered": 5}}
            for part, values in wrong.items():
                changes[part] = {**changes.get(part, {}), **values} if part != "draining" else True  # type: ignore[dict-item,assignment]
            response = self.ask("PATCH", "/api/settings", changes)
            self.assertEqual(response.status, 422, wrong)
            self.assertEqual(self.get("/api/settings"), before)

    def test_numbers_that_are_too_large_for_anything(self):
        """They aren't even read."""
        before = self.get("/api/settings")
        for wrong in (
            {"limits": {"connections": 2**63}},
            {"limits": {"login_seconds": 10**400}},
            {"sessions": {"limit": 2**63}},
        ):
            self.assertEqual(self.ask("PATCH", "/api/settings", wrong).status, 400, wrong)
        self.assertEqual(self.get("/api/settings"), before)

    def test_sentence(self):
        """What is wrong is said as it is elsewhere."""
        response = self.ask(
            "PATCH", "/api/settings", {"backlog": {"soft_bytes": 9, "hard_bytes": 8}}
        )
        self.assertEqual(response.json["detail"], "soft_bytes must not be more than hard_bytes")

    def test_described_bounds(self):
        """The description has the bounds that are checked."""
        described = self.description()["paths"]["/api/settings"]["patch"]["requestBody"]
        schema = described["content"]["application/json"]["schema"]["properties"]
        self.assertEqual(schema["limits"]["properties"]["login_seconds"]["maximum"], 10**9)
        self.assertEqual(schema["limits"]["properties"]["connections"]["maximum"], 2**63 - 1)
        self.assertEqual(schema["limits"]["properties"]["connections"]["minimum"], 1)
        self.assertEqual(schema["limits"]["properties"]["message_bytes"]["minimum"], 1024)

    def test_callable_limit(self):
        limited: Any = self.realm.realm
        limited.change(limit=lambda avatar_id: 3)
        self.assertEqual(self.get("/api/settings")["sessions"]["limit"], "callable")
        self.ask("PATCH", "/api/settings", {"sessions": {"total": 9}})
        self.assertEqual(self.get("/api/settings")["sessions"]["limit"], "callable")


class UnlimitedTests(AdminTestCase):
    def make_realm(self):
        return MindTrackingRealm(CachingRealm(Player))

    def test_no_limit(self):
        self.assertIsNone(self.get("/api/settings")["sessions"])
        response = self.ask("PATCH", "/api/settings", {"sessions": {"limit": 1}})
        self.assertEqual(response.status, 422)


class PolicyNameTests(AdminTestCase):
    def test_names(self):
        for policy, name in (
            (Refuse(), "refuse"),
            (ReplaceOldest(), "replace:10"),
            (ReplaceOldest(2.5), "replace:2.5"),
            (PingOldest(5), "ping:5"),
            (WaitForRoom(7), "wait:7"),
        ):
            self.assertEqual(name_of_policy(policy), name)
            self.assertEqual(name_of_policy(policy_of_name(name)), name)
            self.assertIs(type(policy_of_name(name.partition(":")[0])), type(policy))

    def test_own_policy(self):
        class Lottery(Refuse):
            pass

        self.assertEqual(name_of_policy(Lottery()), "Lottery")
