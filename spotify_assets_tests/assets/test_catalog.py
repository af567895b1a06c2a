"""The catalog's assets and checks, run by Dagster against moto's Glue and a lake on moto's S3."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from typing import Any

import boto3
import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.catalog import catalog_assets
from spotify_assets.checks.catalog import catalog_checks
from spotify_assets.definitions import build_defs
from spotify_assets.failures import PermanentError
from spotify_assets.lake.catalog_tables import partition_input, partition_location
from spotify_assets.names import PLAIN
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.root import resources
from spotify_assets.settings import load_settings
from spotify_assets_tests.automation.world import put_raw
from spotify_assets_tests.moto_aws import REGION, write_commit

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(5)]
PARTITIONS = snapshot_dates(dt.date(2026, 1, 1))
ASSETS = [asset for asset in catalog_assets(PARTITIONS) if asset.partitions_def]
CHECKS = [check for check in catalog_checks(PARTITIONS) if "in_sync" in {spec.name for spec in check.check_specs}]


@pytest.fixture
def catalog(aws: str, s3_lake: LakeResource) -> CatalogResource:
    """A catalog database of its own over the lake."""
    name = s3_lake.url.split("/")[2].replace("-", "_")
    return CatalogResource(database=name, lake_url=s3_lake.url, endpoint_url=aws)


@pytest.fixture
def glue(aws: str) -> Any:
    return boto3.client("glue", REGION, endpoint_url=aws)


SONGS = [asset for asset in ASSETS if asset.key == PLAIN.catalog("songs")]
SONGS_CHECK = [check for check in CHECKS if next(iter(check.check_keys)).asset_key == PLAIN.catalog("songs")]


def materialize(
    lake: LakeResource,
    catalog: CatalogResource,
    first: dt.date,
    last: dt.date,
    *,
    assets: Sequence[dg.AssetsDefinition | dg.AssetChecksDefinition] = (*SONGS, *SONGS_CHECK),
    raise_on_error: bool = True,
) -> dg.ExecuteInProcessResult:
    tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    return dg.materialize(
        assets, resources={"lake": lake, "catalog": catalog}, tags=tags, raise_on_error=raise_on_error
    )


def locations(glue: Any, catalog: CatalogResource, table: str) -> dict[str, str]:
    found = glue.get_partitions(DatabaseName=catalog.database, TableName=table)["Partitions"]
    return {partition["Values"][0]: partition["StorageDescriptor"]["Location"] for partition in found}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {one.asset_key.path[-1]: one for one in result.get_asset_check_evaluations()}


def test_there_is_one_asset_for_each_table_downstream_of_its_lake_table() -> None:
    parents = {asset.key: {dep.asset_key for one in asset.specs for dep in one.deps} for asset in ASSETS}
    assert parents == {PLAIN.catalog(name): {dg.AssetKey(["lake", name])} for name in LAKE_TABLES}


S3 = {"LAKE_URL": "s3://bucket/lake"}
CATALOG_ON = {**S3, "GLUE_DATABASE": "spotify_assets"}


@pytest.mark.parametrize(
    ("environment", "ends", "checked_by"),
    [
        (S3, set(), set()),
        (CATALOG_ON, {"catalog"}, {"in_sync"}),
        ({**CATALOG_ON, "ATHENA_WORKGROUP": "w"}, {"catalog", "athena"}, {"in_sync", "athena_row_counts"}),
    ],
    ids=["a lake on S3 alone", "with the catalog", "with Athena"],
)
def test_each_end_is_switched_on_alone(environment: dict[str, str], ends: set[str], checked_by: set[str]) -> None:
    """Athena's untouched workgroup `primary` has no place for results: a query in it fails, and with it every build."""
    settings = load_settings(environment)
    assert resources(settings).keys() & {"catalog", "athena"} == ends
    repository = build_defs(settings).get_repository_def()
    checks = {key.name for key in repository.asset_graph.asset_check_keys if key.asset_key.path[0] == "glue_catalog"}
    assert checks == checked_by
    assets = {key.path[0] for key in repository.asset_graph.get_all_asset_keys()}
    assert assets & {"glue_catalog", "athena"} == {"glue_catalog" if end == "catalog" else end for end in ends}


@pytest.mark.parametrize("name", ["ATHENA_WORKGROUP", "GLUE_CRAWLER"])
def test_what_works_on_the_catalog_asks_for_it(name: str) -> None:
    with pytest.raises(PermanentError, match=f"{name} is set but GLUE_DATABASE"):
        load_settings({**S3, name: "x"})


def test_the_crawler_is_an_asset_only_when_one_is_named() -> None:
    crawler = dg.AssetKey(["glue_catalog", "crawler"])
    assert crawler not in {asset.key for asset in catalog_assets(PARTITIONS)}
    assert crawler in {asset.key for asset in catalog_assets(PARTITIONS, "theirs")}


def test_a_range_of_dates_is_one_run_and_every_table_gets_a_partition_a_day(s3_lake, catalog, glue) -> None:
    for day in DAYS:
        write_commit(s3_lake, day, f"run-{day.day}")
    result = materialize(s3_lake, catalog, DAYS[0], DAYS[-1], assets=[*ASSETS, *CHECKS])
    for name in LAKE_TABLES:
        assert locations(glue, catalog, name) == {
            day.isoformat(): partition_location(name, f"run-{day.day}", day, s3_lake.url) for day in DAYS
        }
    assert all(check.passed for check in evaluations(result).values())
    assert len(evaluations(result)) == 7


def test_each_dates_row_count_lands_on_its_partition(s3_lake, catalog) -> None:
    for number, day in enumerate(DAYS[:2]):
        write_commit(s3_lake, day, "run", {"songs": 10 + number})
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {
            "dagster/asset_partition_range_start": DAYS[0].isoformat(),
            "dagster/asset_partition_range_end": DAYS[1].isoformat(),
        }
        dg.materialize(SONGS, resources={"lake": s3_lake, "catalog": catalog}, tags=tags, instance=instance)
        records = instance.fetch_materializations(PLAIN.catalog("songs"), limit=10).records
    counts = {
        record.partition_key: record.asset_materialization.metadata["dagster/partition_row_count"].value
        for record in records
        if record.asset_materialization
    }
    assert counts == {"2026-01-01": 10, "2026-01-02": 11}


def test_materializing_again_changes_nothing(s3_lake, catalog, monkeypatch) -> None:
    write_commit(s3_lake, DAYS[0], "run")
    materialize(s3_lake, catalog, DAYS[0], DAYS[0])
    monkeypatch.setattr(CatalogResource, "_create_partitions", refuse)
    monkeypatch.setattr(CatalogResource, "_switch_partitions", refuse)
    monkeypatch.setattr(CatalogResource, "_create_or_update", refuse)
    assert materialize(s3_lake, catalog, DAYS[0], DAYS[0]).success


def test_a_date_without_a_commit_fails_alone_and_is_named(s3_lake, catalog, glue) -> None:
    for day in (DAYS[0], DAYS[2]):
        write_commit(s3_lake, day, "run")
    put_raw(s3_lake.store, DAYS[1])
    result = materialize(s3_lake, catalog, DAYS[0], DAYS[2], raise_on_error=False)
    assert not result.success
    assert set(locations(glue, catalog, "songs")) == {"2026-01-01", "2026-01-03"}
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "2026-01-02" in str(failure.event_specific_data)


def test_an_empty_date_has_no_partition_and_is_materialized_as_empty(s3_lake, catalog, glue) -> None:
    for day in (DAYS[0], DAYS[2]):
        write_commit(s3_lake, day, "run")
    songs = [asset for asset in ASSETS if asset.key == PLAIN.catalog("songs")]
    tags = {
        "dagster/asset_partition_range_start": DAYS[0].isoformat(),
        "dagster/asset_partition_range_end": DAYS[2].isoformat(),
    }

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [*songs, *SONGS_CHECK], resources={"lake": s3_lake, "catalog": catalog}, tags=tags, instance=instance
        )
        materialized = instance.get_materialized_partitions(PLAIN.catalog("songs"))

    assert set(locations(glue, catalog, "songs")) == {"2026-01-01", "2026-01-03"}
    assert materialized == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert evaluations(result)["songs"].passed


def test_more_dates_than_one_call_takes_are_published(s3_lake, catalog, glue) -> None:
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(230)]
    table = LAKE_TABLES["albums"]
    commits = {day: write_commit_record_only(s3_lake, day, "first") for day in days}
    catalog.publish_table(table)
    assert len(catalog.publish_partitions(table, commits).create) == 230
    again = {day: write_commit_record_only(s3_lake, day, "second") for day in days}
    assert len(catalog.publish_partitions(table, again).switch) == 230
    assert len(catalog.every_partition("albums")) == 230
    assert not catalog.drift(table, again, whole_table=True)


class TestDrift:
    """What somebody changed by hand is found by the check and mended by materializing."""

    @pytest.fixture
    def published(self, s3_lake: LakeResource, catalog: CatalogResource) -> CatalogResource:
        for day in DAYS[:2]:
            write_commit(s3_lake, day, "run")
        materialize(s3_lake, catalog, DAYS[0], DAYS[1])
        return catalog

    def check_songs(self, lake: LakeResource, catalog: CatalogResource) -> dg.AssetCheckEvaluation:
        """The check of the songs run by itself, for the whole table."""
        result = dg.materialize(
            SONGS_CHECK, resources={"lake": lake, "catalog": catalog}, selection=dg.AssetSelection.checks(*SONGS_CHECK)
        )
        return evaluations(result)["songs"]

    def test_a_table_edited_by_hand(self, s3_lake, published, glue) -> None:
        table = glue.get_table(DatabaseName=published.database, Name="songs")["Table"]
        edited = {key: table[key] for key in ("Name", "PartitionKeys", "StorageDescriptor", "TableType")}
        edited["StorageDescriptor"]["Columns"] = edited["StorageDescriptor"]["Columns"][:-1]
        glue.update_table(DatabaseName=published.database, TableInput=edited)
        found = self.check_songs(s3_lake, published)
        assert not found.passed
        assert "its columns are not the contract's" in (found.description or "")
        materialize(s3_lake, published, DAYS[0], DAYS[0])
        assert self.check_songs(s3_lake, published).passed

    def test_a_partition_removed_by_hand(self, s3_lake, published, glue) -> None:
        glue.delete_partition(DatabaseName=published.database, TableName="songs", PartitionValues=["2026-01-02"])
        found = self.check_songs(s3_lake, published)
        assert not found.passed
        assert "2026-01-02: the partition is missing" in (found.description or "")
        materialize(s3_lake, published, DAYS[1], DAYS[1])
        assert self.check_songs(s3_lake, published).passed

    def test_a_commit_the_catalog_has_not_heard_of(self, s3_lake, published) -> None:
        write_commit(s3_lake, DAYS[1], "newer")
        found = self.check_songs(s3_lake, published)
        assert not found.passed
        assert "2026-01-02: it points at" in (found.description or "")

    def test_a_partition_nobody_committed(self, s3_lake, published, glue) -> None:
        partition = glue.get_partition(
            DatabaseName=published.database, TableName="songs", PartitionValues=["2026-01-01"]
        )["Partition"]
        foreign = {"Values": ["2025-06-01"], "StorageDescriptor": partition["StorageDescriptor"]}
        glue.create_partition(DatabaseName=published.database, TableName="songs", PartitionInput=foreign)
        found = self.check_songs(s3_lake, published)
        assert not found.passed
        assert "2025-06-01: the partition has no commit" in (found.description or "")
        assert published.remove_partitions("songs", [dt.date(2025, 6, 1)]) == 1
        assert self.check_songs(s3_lake, published).passed

    def test_a_dropped_table(self, s3_lake, published, glue) -> None:
        glue.delete_table(DatabaseName=published.database, Name="songs")
        assert "the table is missing" in (self.check_songs(s3_lake, published).description or "")
        materialize(s3_lake, published, DAYS[0], DAYS[1])
        assert self.check_songs(s3_lake, published).passed


def test_a_reader_sees_one_runs_files_or_the_nexts_never_both_never_none(s3_lake, catalog, glue) -> None:
    """Three re-commits of a date while a reader lists what the catalog points at, without pause."""
    day, table = DAYS[0], LAKE_TABLES["songs"]
    catalog.publish_table(table)
    catalog.publish_partitions(table, {day: write_commit(s3_lake, day, "run-0", {"songs": 4})})
    seen: list[frozenset[str]] = []
    done = threading.Event()
    reader = threading.Thread(target=read_until, args=(done, seen, glue, s3_lake, catalog, day))
    reader.start()
    try:
        for number in (1, 2, 3):
            reads = len(seen)
            commit = write_commit(s3_lake, day, f"run-{number}", {"songs": 4})
            catalog.publish_partitions(table, {day: commit})
            while len(seen) < reads + 5 and reader.is_alive():
                done.wait(0.005)
    finally:
        done.set()
        reader.join()
    assert {len(runs) for runs in seen} == {1}
    order = [next(iter(runs)) for runs in seen]
    assert order == sorted(order)
    assert set(order) == {"run-0", "run-1", "run-2", "run-3"}
    assert len(seen) >= 15


def test_two_runs_publishing_the_same_new_date_at_once_both_succeed(s3_lake, catalog) -> None:
    table = LAKE_TABLES["songs"]
    commit = write_commit(s3_lake, DAYS[0], "run")
    catalog.publish_table(table)
    catalog.publish_partitions(table, {DAYS[0]: commit})
    raced = catalog._create_partitions("songs", {DAYS[0]: catalog_partition(catalog, commit)})
    assert list(raced) == [DAYS[0]]


def read_until(
    done: threading.Event,
    seen: list[frozenset[str]],
    glue: Any,
    lake: LakeResource,
    catalog: CatalogResource,
    day: dt.date,
) -> None:
    """What Athena does for a query: ask the catalog for the partition, list its location, read its files."""
    store = lake.store
    while not done.is_set():
        partition = glue.get_partition(
            DatabaseName=catalog.database, TableName="songs", PartitionValues=[day.isoformat()]
        )["Partition"]
        prefix = partition["StorageDescriptor"]["Location"].removeprefix(f"{lake.url}/")
        files = [found.key for found in store.list(prefix)]
        seen.append(frozenset((data or b"").decode() for data in store.get_many(files).values()))


def catalog_partition(catalog: CatalogResource, commit: Any) -> dict[str, Any]:
    return partition_input(LAKE_TABLES["songs"], commit, catalog.lake_url)


def write_commit_record_only(lake: LakeResource, day: dt.date, run_id: str) -> Any:
    return write_commit(lake, day, run_id, {})


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("nothing should have been written")
