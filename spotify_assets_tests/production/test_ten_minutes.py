"""Ten minutes on Postgres with every schedule each minute: no error, nothing twice, quick ticks, flat memory.

Prints what it measured; the bounds are those of a machine of two cores that does nothing else.
"""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spotify_assets_tests.production import graphql
from spotify_assets_tests.production.deployment import LOCATION, PARTS, Deployment, deployment
from spotify_assets_tests.production.history import TODAY
from spotify_assets_tests.production.test_memory import fill_what_is_kept
from spotify_assets_tests.production.until import until

pytestmark = pytest.mark.soak

SECONDS = 600
WARM_UP = 180
"""Seconds in which the processes load what they need; memory counts from then on."""

EVERY = 10
CRONS = ("EXTRACT", "REFRESH", "VACUUM", "RECONCILE", "RECONCILE_ALL")
"""All but the digest, which is of the week before and refuses one without snapshots."""

LONGEST_TICK = 2.0
MOST_GROWTH = 1.05


def test_ten_minutes_of_every_schedule_each_minute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {
        "PARTITIONS_START": TODAY.isoformat(),
        "SPOTIFY_ASSETS_AUTOMATION": "on",
        **{f"{cron}_CRON": "* * * * *" for cron in CRONS},
    }
    with deployment(tmp_path, settings, parts=("code", "webserver"), changed={}) as dagster:
        fill_what_is_kept(dagster)
        dagster.start("daemon")
        memory = _sampled(dagster)
        for instigator in _instigators(dagster):  # what is in the queue ends, nothing new comes
            dagster.stop(instigator)
        until(
            lambda: all(run["endTime"] for run in dagster.runs()), 600, lambda: f"the queue is empty: {dagster.runs()}"
        )
        runs = dagster.runs()
        ticks = {name: dagster.ticks(name, limit=1000) for name in _instigators(dagster)}
        assert [tick for each in ticks.values() for tick in each if tick["error"]] == []
        seconds = sorted(tick["endTimestamp"] - tick["timestamp"] for each in ticks.values() for tick in each)
        figures = {
            "runs": dict(Counter(run["jobName"] for run in runs)),
            "ticks": len(seconds),
            "tick_p50": round(statistics.median(seconds), 2),
            "tick_p95": round(_p95(seconds), 2),
            "slowest": {
                name: round(max(tick["endTimestamp"] - tick["timestamp"] for tick in each), 2)
                for name, each in ticks.items()
                if each
            },
            "megabytes": {part: [round(min(each)), round(max(each))] for part, each in memory.items()},
            "event_log_rows": int(dagster.postgres.ask("select count(*) from event_logs")),
            "postgres_megabytes": round(int(dagster.postgres.ask("select pg_database_size('dagster')")) / 1e6, 1),
        }
        with capsys.disabled():
            print(f"\n{json.dumps(figures)}")

        assert dagster.errors() == []
        assert {run["status"] for run in runs} == {"SUCCESS"}
        assert _twice(runs) == {}
        refreshes = sum(run["tags"].get("dagster/schedule_name") == "weekly_refresh" for run in runs)
        assert 1 <= figures["runs"]["build_history"] <= refreshes + 1, "only what is read anew is built again"
        assert figures["tick_p95"] < LONGEST_TICK
        for part, each in memory.items():
            third = len(each) // 3
            assert statistics.median(each[-third:]) < MOST_GROWTH * statistics.median(each[:third]), (part, each)


def _sampled(dagster: Deployment) -> dict[str, list[float]]:
    """Megabytes of each part's own process, every ten seconds after the warm-up."""
    memory: dict[str, list[float]] = {part: [] for part in PARTS}
    begun = time.monotonic()
    for number in itertools.count(1):
        time.sleep(max(0.0, begun + number * EVERY - time.monotonic()))
        if number * EVERY > WARM_UP:
            for part, each in memory.items():
                each.append(dagster.megabytes(part))
        if number * EVERY >= SECONDS:
            return memory
    raise AssertionError


def _instigators(dagster: Deployment) -> list[str]:
    """The schedules and sensors that are on."""
    nodes = dagster.ask(graphql.INSTIGATORS)["repositoriesOrError"]["nodes"]
    (ours,) = [node for node in nodes if node["location"]["name"] == LOCATION]
    named = [(each["name"], each["scheduleState"]["status"]) for each in ours["schedules"]]
    named += [(each["name"], each["sensorState"]["status"]) for each in ours["sensors"]]
    return [name for name, status in named if status == "RUNNING" or dagster.ticks(name, limit=1)]


def _twice(runs: list[dict[str, Any]]) -> dict[tuple[str, ...], int]:
    """What was asked for more than once: a schedule's time, or a sensor's run key."""
    asked = [
        (run["tags"].get("dagster/schedule_name") or run["tags"]["dagster/sensor_name"], key)
        for run in runs
        if (key := run["tags"].get(".dagster/scheduled_execution_time") or run["tags"].get("dagster/run_key"))
    ]
    return {what: times for what, times in Counter(asked).items() if times > 1}


def _p95(values: list[float]) -> float:
    return values[int(len(values) * 0.95)]
