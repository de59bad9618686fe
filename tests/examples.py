"""
How many examples the tests try that make their own: those of hypothesis, and the random walks.

With C{PBREALM_EXAMPLES=few}, as C{make unit} sets it, they try a thirtieth, the same each time,
and the tests that are L{slow} in any case are skipped.  With C{PBREALM_WALKS=NUMBER}, the random
walks are that many others each time.
"""

from __future__ import annotations

import os
import unittest

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

FEW = os.environ.get("PBREALM_EXAMPLES") == "few"


def examples(number: int) -> int:
    """
    How many examples a test tries that has C{number} of them in full.
    """
    return max(1, number // 30) if FEW else number


def run_walks(machine: type[RuleBasedStateMachine], number: int, steps: int = 50) -> None:
    """
    Take random walks: the same each time, so that what fails is what was changed.

    @param number: how many, in full.
    @param steps: of each walk.
    """
    others = int(os.environ.get("PBREALM_WALKS", "0"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=others or examples(number),
            stateful_step_count=steps,
            deadline=None,
            derandomize=not others,
            database=None,
        ),
    )


slow = unittest.skipIf(FEW, "takes long, with any number of examples")

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "pbrealm",
    max_examples=examples(100),
    derandomize=FEW,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pbrealm")
