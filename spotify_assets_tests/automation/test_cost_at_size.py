"""What a day costs on S3 at 10,000 playlists of 100 entries: the counts that docs/choosing-an-engine.md multiplies."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import obstore
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation.sensors import FILES_INTERVAL, landing_sensor, stale_dates_sensor
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify.budget import _BATCH
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.test_requests_of_a_day import BUILD
from spotify_assets_tests.automation.test_requests_per_tick import FILES_LOOKED_FOR, STOPPED, counted, history
from spotify_assets_tests.automation.world import START, world_on
from spotify_assets_tests.counting_s3 import serving
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.entries import entry, spotify_id, track
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw

DOCS = Path(__file__).resolve().parents[2] / "docs" / "choosing-an-engine.md"
PLAYLISTS, ENTRIES = 10_000, 100
CALLS = 4  # of a playlist of 100 entries: what it is before, two pages, what it is after
TICKS_A_DAY = 24 * 3600 // 30


def test_a_quiet_tick_at_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days stand for the window of any history, in which no tick looks further; each day is ten listings."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = history(2, PLAYLISTS)
    with serving(bucket) as endpoint, world_on(LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)) as world:
        stale = stale_dates_sensor(START, STOPPED, clock=world.clock)
        landing = landing_sensor(STOPPED, clock=world.clock)
        with_files, *ticks = [counted(world, bucket, stale) for _ in range(3)]
        landed = counted(world, bucket, landing)
    assert with_files == Counter(list=22, get=2) + FILES_LOOKED_FOR
    assert ticks == [Counter(list=22), Counter(list=22)], "what is as it was is not read again"
    assert landed == Counter(list=1)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """obstore's calls, which are requests on S3."""
    found: Counter[str] = Counter()

    def counting(name: str) -> None:
        real = getattr(obstore, name)

        def call(*arguments: object, **options: object) -> object:
            found[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(obstore, name, call)

    for name in ("get", "head", "put", "copy"):
        counting(name)
    return found


def test_a_build_reads_each_object_once_and_writes_a_handful(store: ObjectStore, calls: Counter[str]) -> None:
    day, page = dt.date(2026, 1, 1), [entry(track(f"s{number}")) for number in range(ENTRIES)]
    seen = {}
    for playlists in (20, 40):
        for number in range(playlists):
            put_raw(store, Raw(spotify_id(f"p{number:03}x"), {"name": "P"}, [(0, page)], day=day))
        days = work(store)
        before = Counter(calls)
        (built,) = build_days(store, f"run-{playlists}", days)
        seen[playlists] = calls - before
        assert built.entries == playlists * ENTRIES
    # Here the objects are files, which are read where they are: on S3 each is one GET (test_object_store.py).
    assert seen[20] == seen[40] == Counter(put=len(LAKE_TABLES))


def test_the_documents_arithmetic_is_that_of_the_counts() -> None:
    """List prices in us-east-1: a thousand PUT and LIST $0.005, a thousand GET $0.0004, 100,000 of the catalog $1."""
    put, get = 0.005 / 1000, 0.0004 / 1000
    batches = PLAYLISTS * CALLS // _BATCH
    pages = PLAYLISTS // 1_000
    looks = dt.timedelta(days=1) // FILES_INTERVAL
    lines = {
        "extraction": (PLAYLISTS + batches + 7 * pages) * put + batches * get,
        "build": (PLAYLISTS + BUILD["GET"]) * get + (BUILD["PUT"] + BUILD["LIST"] * pages) * put,
        "catalog": 3 * len(LAKE_TABLES) / 100_000,
        "sensors": TICKS_A_DAY * 22 * put + looks * (FILES_LOOKED_FOR["list"] * put + FILES_LOOKED_FOR["get"] * get),
        "glue": 2 * 5 * 60 / 3600 * 0.44,
    }
    text = DOCS.read_text(encoding="utf-8").partition("### At size")[2]
    for name, dollars in lines.items():
        assert f"| {name} |" in text
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert f"${dollars:.3f}" in row, (name, dollars)
    assert f"${sum(lines.values()):.2f} a day" in text
    assert sum(lines.values()) < 1
