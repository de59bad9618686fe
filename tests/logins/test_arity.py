"""
How many arguments a method takes.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm.logins._arity import Arity


class Methods:
    def nothing(self): ...
    def one(self, a): ...
    def optional(self, a, b=1): ...
    def any_number(self, a, *rest): ...
    def keyword(self, a, *, b=1): ...
    def needs_keyword(self, a, *, b): ...


class ArityTests(SynchronousTestCase):
    def test_counts(self):
        for function, allowed in (
            (Methods.nothing, [0]),
            (Methods.one, [1]),
            (Methods.optional, [1, 2]),
            (Methods.any_number, [1, 2, 3, 4]),
            (Methods.keyword, [1]),
        ):
            arity = Arity.of(function, given=1)
            self.assertEqual([n for n in range(5) if arity.allows(n)], allowed, function)

    def test_needed_keywords(self):
        why = self.assertRaises(TypeError, Arity.of, Methods.needs_keyword, given=1)
        self.assertEqual(
            str(why), "Methods.needs_keyword needs b= by keyword, which clients can't pass"
        )
