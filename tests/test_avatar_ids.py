"""
The one form of avatar ids, and the ids of guests.
"""

from __future__ import annotations

from twisted.cred.checkers import ANONYMOUS
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import LoginRefused
from pbrealm._avatar_ids import avatar_id_from, guest_id, is_guest


class AvatarIdTests(SynchronousTestCase):
    def test_one_form(self) -> None:
        """Bytes and a string of one name are one avatar id."""
        for given in ("zoë", "zoë".encode()):
            self.assertEqual(avatar_id_from(given), "zoë")
        self.assertEqual(avatar_id_from(b""), "")

    def test_refused(self) -> None:
        for given, text in (
            (b"\xff", "the name is not valid UTF-8"),
            (ANONYMOUS, "anonymous logins are not accepted here"),
            (None, "the checker gave builtins.NoneType as the avatar id, not a string"),
            (bytearray(b"a"), "the checker gave builtins.bytearray as the avatar id"),
        ):
            error = self.assertRaises(LoginRefused, avatar_id_from, given)
            self.assertIn(text, str(error))


class GuestTests(SynchronousTestCase):
    def test_own_ids(self) -> None:
        for number in (0, 1, 10**9):
            self.assertTrue(is_guest(guest_id(number)))

    def test_other_ids(self) -> None:
        """Only the whole id counts: accounts may be called nearly so."""
        for name in ("guest", "guest#", "guest#x", "guest#1 ", "guest#1\n", "a guest#1"):
            self.assertFalse(is_guest(name), name)
