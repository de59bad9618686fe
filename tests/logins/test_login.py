"""
What a login method asks the portal for.
"""

from typing import Any

from twisted.cred.credentials import Anonymous
from twisted.spread import pb
from twisted.spread.pb import IPerspective
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm import AnonymousLogin, ILoginMethod, Login, LoginRefused, PasswordLogin
from pbrealm.logins import account_name


class LoginTests(SynchronousTestCase):
    def test_defaults(self):
        login = Login(Anonymous())
        self.assertEqual((login.mind, login.account), (None, None))
        self.assertEqual(tuple(login.interfaces), (IPerspective,))

    def test_accounts_are_bytes(self):
        """As checkers expect them, so that a name is one account in the throttle."""
        self.assertEqual(Login(Anonymous(), account="zoë").account, "zoë".encode())
        self.assertEqual(account_name(b"alice"), b"alice")

    def test_account_names_that_can_not_be(self):
        for name in (None, 17, "x" * 1025, b"x" * 1025):
            self.assertRaises(LoginRefused, account_name, name)

    def test_interfaces_that_can_not_be(self):
        """One interface can be iterated over, which gives the names of its methods."""
        wrong: tuple[Any, ...] = (IPerspective, (), (pb.Avatar,), "IPerspective")
        for interfaces in wrong:
            with self.assertRaises(TypeError) as caught:
                Login(Anonymous(), interfaces=interfaces)
            self.assertIn("interfaces must be a list of interfaces", str(caught.exception))

    def test_methods(self):
        for method in (PasswordLogin(), AnonymousLogin()):
            verifyObject(ILoginMethod, method)
