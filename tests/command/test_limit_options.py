"""
The bounds as options.
"""

import re
from dataclasses import asdict, fields

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, Limits, SlowClientPolicy
from pbrealm._command.limit_options import option_name
from pbrealm._command.options import Options
from pbrealm._limit_fields import description_of
from tests.command.option_cases import PLAIN, parse


class BoundsTests(SynchronousTestCase):
    def test_help(self):
        """The help of each option is the description of its field, with the default."""
        said = "".join(str(Options()).split())
        for bounds in (Limits, Backlog):
            for field in fields(bounds):
                described = re.sub(
                    r"`(\w+)`", lambda name: f"--{option_name(name[1])}", description_of(field)
                )
                if field.name == "when_slow":
                    described += " One of end, drop-newest, drop-oldest, keep-last. [default: end]"
                else:
                    described += f" [default: {field.default}]"
                # Where the lines break depends on the width of the terminal.
                expected = f"--{option_name(field.name)}={described}"
                self.assertIn("".join(expected.split()), said)

    def test_documentation(self):
        """The documentation of the classes has the description of each field."""
        for bounds in (Limits, Backlog):
            said = " ".join((bounds.__doc__ or "").split())
            for field in fields(bounds):
                self.assertIn(f"@ivar {field.name}: {description_of(field)} By default", said)

    def test_units(self):
        """Each description begins with what is counted."""
        for bounds in (Limits, Backlog):
            for field in fields(bounds):
                unit = "Seconds" if field.type == "float" else "(Bytes|Number|Depth|What) "
                self.assertRegex(description_of(field), f"^{unit}")

    def test_defaults(self):
        options = parse(*PLAIN)
        self.assertEqual((options.limits, options.backlog), (Limits(), Backlog()))

    def test_each_is_used(self):
        """Each option sets the bound of its name, and no other."""
        given: str
        value: object
        for bounds, kept in ((Limits, "limits"), (Backlog, "backlog")):
            for field in fields(bounds):
                given, value = ("7000000", 7000000)
                if field.name == "soft_bytes":
                    given, value = ("7", 7)
                elif field.name == "hard_bytes":
                    given, value = ("70000000", 70000000)
                elif field.name == "when_slow":
                    given, value = ("drop-oldest", SlowClientPolicy.DROP_OLDEST)
                options = parse(*PLAIN, f"--{option_name(field.name)}", given)
                self.assertEqual(
                    asdict(getattr(options, kept)), asdict(bounds()) | {field.name: value}
                )

    def test_bad_values(self):
        for arguments, sentence in (
            (("--logins", "many"), "--logins must be a positive whole number, not 'many'"),
            (("--logins", "0"), "--logins must be a positive whole number, not '0'"),
            (
                ("--login-seconds", "soon"),
                "--login-seconds must be a number of seconds, 0 or more, not 'soon'",
            ),
            (
                ("--login-seconds", "-1"),
                "--login-seconds must be a number of seconds, 0 or more, not '-1'",
            ),
            (
                ("--login-seconds", "nan"),
                "--login-seconds must be a number of seconds, 0 or more, not 'nan'",
            ),
            (("--soft-seconds", "0"), "--soft-seconds must be a positive number, not 0.0"),
            (
                ("--ping-timeout", "0"),
                "--ping-timeout must be positive where there is a --ping-interval",
            ),
            (("--message-bytes", "1"), "--message-bytes must be 1024 or more, not 1"),
            (("--ping-timeout", "0.01"), "--ping-timeout must be 0, or 0.1 or more, not 0.01"),
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
