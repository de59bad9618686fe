"""
Run Twisted's own tests of C{twisted.spread}, with this project's classes in place of Twisted's.

C{python -m tests.integration.twisted_suite [plain|fast]} prints how many ran, and their results.
"""

from __future__ import annotations

import importlib
import json
import sys
import unittest

MODULES = ("test_banana", "test_jelly", "test_pb", "test_pbfailure")


def patch(module: object, name: str, value: object) -> None:
    """Set an attribute that mypy takes for constant."""
    setattr(module, name, value)


def patch_twisted() -> None:
    """
    Replace Twisted's classes, before the tests are imported.
    """
    from twisted.spread import banana, pb

    from pbrealm._wire.banana import FastBanana
    from pbrealm._wire.broker import FastBroker

    patch(pb, "Broker", FastBroker)
    pb.PBClientFactory.protocol = FastBroker
    pb.PBServerFactory.protocol = FastBroker
    patch(banana, "Banana", FastBanana)
    # The functions encode and decode of the module use this instance.
    banana._i = FastBanana()
    banana._i.connectionMade()
    banana._i._selectDialect(b"none")


def main(which: str) -> None:
    """
    Print the result as JSON.
    """
    from twisted.trial.reporter import TestResult
    from twisted.trial.runner import TestLoader, TrialRunner

    class Quiet(TestResult):
        def __init__(self, *args: object, **kw: object) -> None:
            super().__init__()

        def done(self) -> None:
            """Called by the runner at the end."""

    if which == "fast":
        patch_twisted()
    loader = TestLoader()
    suite = unittest.TestSuite(
        loader.loadModule(importlib.import_module(f"twisted.spread.test.{name}"))
        for name in MODULES
    )
    result = TrialRunner(Quiet, workingDirectory=sys.argv[2]).run(suite)
    assert isinstance(result, Quiet)
    print(
        json.dumps(
            {
                "ran": result.testsRun,
                "passed": result.successes,
                "skipped": len(result.skips),
                "bad": [f"{test.id()}: {why}" for test, why in [*result.failures, *result.errors]],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
