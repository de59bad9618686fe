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


def put_in_place() -> None:
    """
    Have the tests that are imported after this, and all they use, meet the fast classes.
    """
    from twisted.spread import banana, pb

    from pbrealm._wire.banana import FastBanana
    from pbrealm._wire.broker import FastBroker

    pb.Broker = FastBroker
    pb.PBClientFactory.protocol = FastBroker
    pb.PBServerFactory.protocol = FastBroker
    banana.Banana = FastBanana
    # What the module's functions C{encode} and C{decode} use.
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
            """Part of what a runner asks of a reporter."""

    if which == "fast":
        put_in_place()
    loader = TestLoader()
    suite = unittest.TestSuite(
        loader.loadModule(importlib.import_module(f"twisted.spread.test.{name}"))
        for name in MODULES
    )
    result = TrialRunner(Quiet, workingDirectory=sys.argv[2]).run(suite)
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
