"""What a thousand ticks leave in the code server's memory: nothing, once what is kept on purpose is full.

Each tick opens Dagster's instance and with it SQLAlchemy engines of its own. SQLAlchemy 2.0 keeps the statements by
which it reads the columns of a table per engine (`lru_cache` on methods of `PGDialect`, 128 entries each): 0.2 MB for
each of the first 128 ticks that ask for runs or assets, 25 MB in all, and nothing from then on. At a tick's pace
that takes an hour, in which the code server seems to leak; here it is filled at once.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spotify_assets_tests.production import graphql
from spotify_assets_tests.production.deployment import Deployment, deployment
from spotify_assets_tests.production.history import TODAY

pytestmark = pytest.mark.soak

KEPT = 128
"""Engines whose statements SQLAlchemy keeps."""

AT_ONCE = 4
"""As many threads as `sensors.num_workers` of dagster.yaml: each has an arena of the allocator."""

WARM_UP, MEASURED = 60, 120
"""Times that every sensor is evaluated."""

MOST_KILOBYTES = 10.0
"""What a tick may grow by: noise of the allocator and of rare full collections. What is kept at first is 200."""


def fill_what_is_kept(dagster: Deployment) -> None:
    """Have as many ticks that read the columns of a table as SQLAlchemy keeps the statements of."""
    for _ in range(KEPT):
        dagster.dry_run("left_behind")


def test_a_thousand_ticks_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"PARTITIONS_START": TODAY.isoformat()}
    with deployment(tmp_path, settings, parts=("code", "webserver")) as dagster:
        fill_what_is_kept(dagster)
        (location,) = dagster.ask(graphql.INSTIGATORS)["repositoriesOrError"]["nodes"]
        cursors: dict[str, str | None] = {sensor["name"]: None for sensor in location["sensors"]}
        megabytes: list[dict[str, float]] = []
        for times in (WARM_UP, MEASURED):
            _evaluate(dagster, cursors, times)
            megabytes.append({part: dagster.megabytes(part) for part in dagster.processes})
        ticks = MEASURED * len(cursors)
        with capsys.disabled():
            print(f"\n{json.dumps({'megabytes': megabytes, 'ticks': ticks})}")
    before, after = megabytes
    kilobytes = {part: 1000 * (after[part] - before[part]) / ticks for part in before}
    assert max(kilobytes.values()) < MOST_KILOBYTES, kilobytes


def _evaluate(dagster: Deployment, cursors: dict[str, str | None], times: int) -> None:
    """Every sensor so many times, several at once, each going on at its cursor."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(times):
            ended = list(pool.map(lambda sensor: dagster.dry_run(sensor, cursors[sensor]), cursors))
            cursors.update(zip(cursors, ended, strict=True))
