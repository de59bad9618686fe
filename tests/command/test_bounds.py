"""
The bounds as options.
"""

from dataclasses import asdict, fields

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, Limits, SlowClientPolicy
from pbrealm._command.limit_options import HELP, option_of
from tests.command.test_options import PLAIN, parse


class BoundsTests(SynchronousTestCase):
    def test_each_has_an_option(self):
        names = [field.name for bounds in (Limits, Backlog) for field in fields(bounds)]
        self.assertEqual(list(HELP), names)

    def test_defaults(self):
        options = parse(*PLAIN)
        self.assertEqual((options.limits, options.backlog), (Limits(), Backlog()))

    def test_each_is_used(self):
        """Each option sets the bound of its name, and no other."""
        for bounds, kept in ((Limits, "limits"), (Backlog, "backlog")):
            for field in fields(bounds):
                given, value = ("7000000", 7000000)
                if field.name == "soft_bytes":
                    given, value = ("7", 7)
                elif field.name == "hard_bytes":
                    given, value = ("70000000", 70000000)
                elif field.name == "when_slow":
                    given, value = ("drop-oldest", SlowClientPolicy.DROP_OLDEST)
                options = parse(*PLAIN, f"--{option_of(field)}", given)
                self.assertEqual(
                    asdict(getattr(options, kept)), asdict(bounds()) | {field.name: value}
                )

    def test_bad_values(self):
        for arguments, sentence in (
            (("--logins", "many"), "--logins must be a whole number, not 'many'"),
            (("--logins", "0"), "--logins must be positive, not 0"),
            (("--login-seconds", "soon"), "--login-seconds must be a number, not 'soon'"),
            (("--login-seconds", "-1"), "--login-seconds must be 0 or more, not -1.0"),
            (("--login-seconds", "nan"), "--login-seconds must be 0 or more, not nan"),
            (
                ("--ping-timeout", "0"),
                "--ping-timeout must be positive where there is a --ping-interval",
            ),
            (
                ("--when-slow", "cry"),
                "--when-slow must be one of end, drop-newest, drop-oldest, keep-last, not 'cry'",
            ),
            (
                ("--soft-bytes", "9", "--hard-bytes", "8"),
                "--soft-bytes must not be more than --hard-bytes",
            ),
        ):
            with self.assertRaises(UsageError) as caught:
                parse(*PLAIN, *arguments)
            self.assertEqual(str(caught.exception), sentence)
