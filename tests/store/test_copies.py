"""
What live copies of stored states show is saved.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pbrealm.client import SharedDictCopy
from tests.store.answer_cases import AnswersTestCase


class CopyTests(AnswersTestCase):
    def test_changes(self) -> None:
        """Clients with copies are told of a change once it is saved, before its answer."""
        copy = self.successResultOf(self.copy_of("bob"))
        seen: list[Any] = []
        answer = self.start("set", "b", [1])
        answer.addCallback(lambda _: seen.append(dict(copy)))
        self.assertEqual(dict(copy), {"copied": 0})
        self.save()
        self.assertEqual(seen, [{"copied": 0, "b": [1]}])

    def copy_of(self, name: str) -> Deferred[Any]:
        answer = self.start("copy", 0)
        self.save()
        return answer

    def test_undone(self) -> None:
        """They are told nothing of what is undone."""
        copy = self.successResultOf(self.copy_of("alice"))
        told: list[Any] = []
        self.patch(copy, "observe_update", told.append)
        self.patch(copy, "observe_remove", told.append)
        self.fails_later(self.start("set", "b", 1))
        self.assertEqual((told, dict(copy)), ([], {"copied": 0}))

    def fails_later(self, answer: Deferred[Any]) -> None:
        self.save("disk full")
        self.fails(answer)

    def test_new_copy(self) -> None:
        """A copy has what is saved, and is told of the rest when that is, each once."""
        state: Any = self.successResultOf(self.store.load("alice"))
        state.update({"a": 1, "gone": 2, "list": [1], 1: "one"})
        self.server.advance(0)
        self.save()
        state["a"] = 2
        state["new"] = 3
        state["list"].append(2)
        state["list"] = state["list"]
        del state["gone"], state[1]
        state[True] = "true"
        self.server.advance(0)
        state["a"] = 3
        before = self.start("copy", 4)
        self.save()
        self.assertEqual(
            dict(state), {"a": 3, "new": 3, "list": [1, 2], True: "true", "copied": 4}
        )
        self.assertNoResult(before)
        self.save()
        copy = self.successResultOf(before)
        self.assertEqual(dict(copy), dict(state))

    def test_copy_by_a_program(self) -> None:
        """Also one that is sent while changes of others are being written."""
        state: Any = self.successResultOf(self.store.load("alice"))
        state["a"] = 1
        self.server.advance(0)
        self.save()
        state["a"] = 2
        state["b"] = 2
        self.server.advance(0)
        self.realm.sessions()[0].notify("take", state)
        self.server.flush()
        copy: Any = self.mind.calls[0][1][0]
        self.assertIsInstance(copy, SharedDictCopy)
        self.assertEqual(dict(copy), {"a": 1})
        self.save()
        self.assertEqual(dict(copy), {"a": 2, "b": 2})
