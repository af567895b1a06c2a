"""Requests of a day's extraction, build and publication, counted at moto's server: what the cost at size multiplies."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator

import dagster as dg
import pytest
from pydantic import SecretStr

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.catalog import catalog_assets
from spotify_assets.assets.lake import lake_assets
from spotify_assets.engines.duckdb_engine import DuckDBEngine
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.budget import _BATCH
from spotify_assets_tests.counted_aws import counted_requests
from spotify_assets_tests.entries import entry, spotify_id, track
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.moto_aws import write_commit
from spotify_assets_tests.reference_tables import Raw
from spotify_assets_tests.spotify.conftest import TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, spotify_server
from spotify_assets_tests.spotify.test_on_s3 import run

DAY = dt.date(2026, 1, 1)
PARTITIONS = snapshot_dates(DAY)
ENTRIES = 100

BUILD = Counter(GET=31, PUT=len(LAKE_TABLES) + 1, LIST=1)
"""Beside the raw objects: seven tables' files and the commit, and the checks, which read them back."""


@pytest.fixture(scope="module")
def server() -> Iterator[SpotifyServer]:
    with spotify_server() as running:
        yield running


@pytest.mark.parametrize("playlists", [10, 40])
def test_an_extraction_puts_an_object_a_playlist_and_one_of_the_ledger_every_25_calls(
    server: SpotifyServer, s3_lake: LakeResource, playlists: int
) -> None:
    clock, account = TestClock(), Account("id", SecretStr("secret"), SecretStr("token"))
    ids = server.add(playlists, entries=ENTRIES)

    with counted_requests() as first:
        read = run(server, s3_lake.store, clock, account, *ids)
    clock.advance(dt.timedelta(days=1))
    with counted_requests() as unchanged:
        carried = run(server, s3_lake.store, clock, account, *ids)

    calls = sum(read.stats.calls.values())
    assert calls == 4 * playlists, "of a playlist of 100 entries: what it is before, two pages, what it is after"
    _assert_about(first, PUT=playlists + math.ceil(calls / _BATCH), GET=math.ceil(calls / _BATCH), LIST=7)
    assert sum(carried.stats.calls.values()) == playlists
    batches = math.ceil(playlists / _BATCH)
    _assert_about(unchanged, PUT=playlists + batches, GET=playlists + batches, LIST=2)


def _assert_about(found: Counter[str], **wanted: int) -> None:
    """As many requests, and at most eight more, for what is read and written once a run."""
    assert all(count <= found[kind] <= count + 8 for kind, count in wanted.items()), (found, wanted)
    assert set(found) <= set(wanted)


def test_a_build_gets_each_object_once_and_the_rest_is_the_same_for_every_size(s3_lake: LakeResource) -> None:
    page = [entry(track(f"s{number}")) for number in range(ENTRIES)]
    seen = {}
    for day, playlists in ((DAY, 10), (DAY + dt.timedelta(days=1), 40)):
        for number in range(playlists):
            put_raw(s3_lake.store, Raw(spotify_id(f"p{number:03}x"), {"name": "P"}, [(0, page)], day=day))
        with counted_requests() as seen[playlists]:
            dg.materialize(
                lake_assets(PARTITIONS, "duckdb"),
                resources={"lake": s3_lake, "engine": DuckDBEngine()},
                partition_key=day.isoformat(),
                instance=dg.DagsterInstance.ephemeral(),
            )

    assert seen[40] - seen[10] == Counter(GET=30)
    assert seen[10] == BUILD + Counter(GET=10)


def test_publishing_a_date_is_three_calls_a_table_however_many_playlists(s3_lake: LakeResource) -> None:
    catalog = CatalogResource(database="counted", lake_url=s3_lake.url, endpoint_url=s3_lake.endpoint_url)
    seen = []
    for number, rows in enumerate((8, 10_000, 1_000_000)):
        day = DAY + dt.timedelta(days=number)
        write_commit(s3_lake, day, "run", dict.fromkeys(LAKE_TABLES, rows))
        with counted_requests() as found:
            dg.materialize(
                catalog_assets(PARTITIONS, athena=False),
                resources={"lake": s3_lake, "catalog": catalog},
                partition_key=day.isoformat(),
                instance=dg.DagsterInstance.ephemeral(),
            )
        seen.append(found)

    tables = len(LAKE_TABLES)
    each = {"GetTable": tables, "BatchGetPartition": tables, "BatchCreatePartition": tables}
    assert seen[1] == seen[2] == Counter(each | {"GET": tables})
