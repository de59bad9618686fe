"""
The administration without what it needs.
"""

from __future__ import annotations

import sys
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase


class MissingTests(SynchronousTestCase):
    def test_missing(self):
        """The error says what to install."""
        others = {
            name: module
            for name, module in sys.modules.items()
            if not f"{name}.".startswith("pbrealm.admin.")
        }
        without = {**others, "prometheus_client": None}
        with (
            patch.dict(sys.modules, without, clear=True),
            self.assertRaises(ImportError) as caught,
        ):
            import pbrealm.admin  # noqa: F401
        self.assertEqual(
            str(caught.exception),
            "pbrealm.admin needs prometheus_client: install it with pip install 'pbrealm[admin]'",
        )
