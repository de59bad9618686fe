"""
What the attacks took of the server, as one table at the end of a run.
"""

from __future__ import annotations

from typing import NamedTuple


class Figures(NamedTuple):
    """
    What one attack took.

    @ivar cpu: seconds of CPU.
    @ivar memory: megabytes by which the server grew at most.
    @ivar log: characters of its log.
    @ivar calls: how many calls of the bystander were answered meanwhile.
    @ivar logins: how many logins.
    @ivar longest: the longest that it waited for one of them, in milliseconds.
    @ivar outcomes: what came of the attack.
    """

    test: str
    cpu: float
    memory: float
    log: int
    calls: int
    logins: int
    longest: float
    outcomes: str


ALL: list[Figures] = []
"""Those of the tests that have run."""


def table() -> str:
    """All figures, a line for each test."""
    width = max((len(each.test) for each in ALL), default=0)
    heading = f"{'':{width}}  CPU, s      MB      log   calls  logins  ms at most  outcome"
    return "\n".join([heading, *(_line(each, width) for each in ALL)])


def _line(each: Figures, width: int) -> str:
    return (
        f"{each.test:{width}}  {each.cpu:6.2f}  {each.memory:6.1f}  {each.log:7}  {each.calls:6}  "
        f"{each.logins:6}  {each.longest:10.0f}  {each.outcomes}"
    )
