"""
Changes that are saved, within one process.
"""

from __future__ import annotations

from typing import Any

from benchmarks.rates import Rates
from benchmarks.store.sides import Pbrealm, Raw, RawInThread, Zodb

ONE, MANY = 30, 4_000
"""How many changes are made in a round, one at a time and 200 in flight."""


async def measure_changes(directory: str, rounds: int) -> tuple[Rates, float]:
    """
    Measure.

    @return: the changes a second of each side, by how many are in flight; and how many changes of
        200 in flight went into a commit.
    """
    pbrealm = Pbrealm(directory)
    # As many rows as the other has, in larger states.
    many, large = Pbrealm(directory, 10, 20_000), Pbrealm(directory, 10_000, 20)
    many.name, large.name = "many", "large"
    sides: list[Any] = [
        pbrealm,
        RawInThread(directory),
        Raw(directory),
        Zodb(directory),
        many,
        large,
    ]
    for side in sides:
        await side.open()
    rates = Rates()
    group = 1.0
    try:
        for _ in range(rounds):
            for in_flight, changes in ((1, ONE), (200, MANY)):
                for side in sides:
                    before = pbrealm.commits
                    wanted = 1 if in_flight == 1 else group
                    seconds = await side.change(changes, in_flight, wanted)
                    rates.add(side.name, in_flight, changes / seconds)
                    if side is pbrealm and in_flight > 1:
                        group = changes / (pbrealm.commits - before)
    finally:
        for side in sides:
            await side.close()
    return rates, group
