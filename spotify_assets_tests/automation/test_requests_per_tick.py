"""What a tick costs, counted at the bucket: the same however long the history is."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import dagster as dg
import pytest

from glue_scripts.commit import Commit, DataFile, Source, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation.loaded_files import loaded_files_sensor
from spotify_assets.automation.sensors import landing_sensor, stale_dates_sensor
from spotify_assets.lake import layout
from spotify_assets.lake.layout import RawKey
from spotify_assets.resources.lake import LakeResource
from spotify_assets_tests.automation.world import START, TODAY, World, world_on
from spotify_assets_tests.counting_s3 import CountingBucket, serving

STOPPED = dg.DefaultSensorStatus.STOPPED
PREFIX = "lake/"
FILES_LOOKED_FOR = Counter(list=1 + len(LAKE_TABLES), get=1)
"""What the tick adds that, every five minutes, looks for the files of a date; the first one does."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def history(days: int, playlists: int) -> CountingBucket:
    """A lake that is up to date: `days` dates of `playlists` raw objects, their commits and the files these name."""
    bucket = CountingBucket([])
    for count in range(days):
        day = TODAY - dt.timedelta(days=count)
        at = dt.datetime.combine(day, dt.time(6), dt.UTC)
        keys = sorted(str(RawKey(day, f"p{number:03d}", at, "r")) for number in range(playlists))
        files = {
            table: DataFile(f"{layout.table_run_prefix(table, 'r', day)}part-0.parquet", 1, 4) for table in LAKE_TABLES
        }
        tables = {table: TableFiles((file,)) for table, file in files.items()}
        bucket.contents |= {f"{PREFIX}{file.key}": b"PAR1" for file in files.values()}
        commit = Commit(
            day=day.isoformat(),
            run_id="r",
            engine="duckdb",
            committed_at="",
            entries=0,
            quarantined=0,
            sources=tuple(Source(key, bucket.etag("")) for key in keys),
            quarantine_key=None,
            tables=tables,
        )
        bucket.contents[f"{PREFIX}{layout.commit_key(day)}"] = commit.to_json()
        bucket.keys.extend(f"{PREFIX}{key}" for key in keys)
    bucket.keys = sorted({*bucket.keys, *bucket.contents})
    return bucket


class Warehouse:
    """Holds what it is told to; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def impatient(self) -> Warehouse:
        return self

    def all_loaded_runs(self, tables: list[str]) -> dict[str, dict[dt.date, str]]:
        self.asked += 1
        held = {TODAY - dt.timedelta(days=count): "r" for count in range(1200)}
        return dict.fromkeys(tables, held)


def counted(world: World, bucket: CountingBucket, sensor: dg.SensorDefinition, **resources: object) -> Counter[str]:
    bucket.counts.clear()
    result = world.tick(sensor, launch=True, **resources)
    assert not result.run_requests
    return Counter(bucket.counts)


@pytest.fixture(scope="module")
def buckets() -> Iterator[dict[str, tuple[CountingBucket, str]]]:
    short, long = history(10, 92), history(1088, 92)
    assert len(long.keys) > 100_000
    with serving(short) as one, serving(long) as other:
        yield {"10 days": (short, one), "3 years": (long, other)}


def test_a_tick_costs_the_same_for_ten_days_and_for_100_000_objects_of_three_years(
    buckets: dict[str, tuple[CountingBucket, str]],
) -> None:
    costs: dict[str, list[Counter[str]]] = {}
    for name, (bucket, endpoint) in buckets.items():
        with world_on(LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)) as world:
            sensor = stale_dates_sensor(START, STOPPED, clock=world.clock)
            costs[name] = [counted(world, bucket, sensor) for _ in range(5)]
            assert "0 stale dates" in world.skipped[-1]
    with_files = {name: found.pop(0) for name, found in costs.items()}
    dearest = {name: max(found, key=lambda each: each.total()) for name, found in costs.items()}
    assert dearest["10 days"] == dearest["3 years"]
    assert dearest["3 years"] == Counter(list=4, get=3)
    assert with_files["10 days"] == with_files["3 years"] == Counter(list=4, get=6) + FILES_LOOKED_FOR
    assert costs["10 days"][-1] == Counter(list=4), "what is as it was is not read again"


def test_the_other_sensors_cost_the_same_too_and_leave_the_warehouse_asleep(
    buckets: dict[str, tuple[CountingBucket, str]],
) -> None:
    costs: dict[str, list[Counter[str]]] = {}
    for name, (bucket, endpoint) in buckets.items():
        warehouse = Warehouse()
        with world_on(LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)) as world:
            landing = landing_sensor(STOPPED, clock=world.clock)
            loaded = loaded_files_sensor(TODAY - dt.timedelta(days=400), STOPPED, clock=world.clock)
            for _ in range(16):  # one round of the sweep: every month is asked about once
                counted(world, bucket, loaded, warehouse=warehouse)
            asked = warehouse.asked
            costs[name] = [counted(world, bucket, loaded, warehouse=warehouse) for _ in range(3)]
            costs[name] += [counted(world, bucket, landing)]
            assert warehouse.asked == asked
            assert "the warehouse holds every commit" in world.skipped[-2]
    assert costs["10 days"] == costs["3 years"]


def test_the_whole_history_is_swept_well_within_a_day() -> None:
    from spotify_assets.automation.clock import TICK_SECONDS
    from spotify_assets.lake.watch import SWEEP_DAYS

    assert 24 * 3600 / TICK_SECONDS * SWEEP_DAYS > 20 * 366
