"""The Data Catalog resource against scripted answers of Glue, each checked against Glue's own model by botocore."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import boto3
import dagster as dg
import pytest
from botocore.stub import ANY, Stubber

from glue_scripts.commit import Commit, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.catalog import crawler_asset
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets_tests.clock import FakeClock

DAY = dt.date(2026, 11, 21)
SONGS = LAKE_TABLES["songs"]
CATALOG = CatalogResource(database="db", lake_url="s3://bucket/lake")
CATALOG._clock = FakeClock()
IN_TABLE = {"DatabaseName": "db", "TableName": "songs"}
WANTED = {**IN_TABLE, "PartitionsToGet": [{"Values": ["2026-11-21"]}]}


def commit(run_id: str) -> Commit:
    return Commit(
        day=DAY.isoformat(),
        run_id=run_id,
        engine="duckdb",
        committed_at="2026-11-21T06:00:00Z",
        sources=(),
        entries=0,
        quarantined=0,
        quarantine_key=None,
        tables={"songs": TableFiles(())},
    )


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Glue's answers, to be added in order; a call nobody scripted fails the test."""
    real = boto3.client("glue", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    monkeypatch.setattr("spotify_assets.resources.catalog.client", lambda *_: real)
    monkeypatch.setattr("spotify_assets.resources.catalog.SYSTEM_CLOCK", FakeClock())
    with Stubber(real) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_date_is_switched_by_one_update(glue: Stubber) -> None:
    old = {"Values": ["2026-11-21"], "StorageDescriptor": {"Location": "s3://bucket/lake/tables/songs/run=a/"}}
    glue.add_response("batch_get_partition", {"Partitions": [old]}, WANTED)
    glue.add_response("batch_update_partition", {"Errors": []}, {**IN_TABLE, "Entries": ANY})
    assert list(CATALOG.publish_partitions(SONGS, {DAY: commit("b")}).switch) == [DAY]


def test_keys_that_glue_left_unread_are_asked_for_again(glue: Stubber) -> None:
    glue.add_response("batch_get_partition", {"UnprocessedKeys": [{"Values": ["2026-11-21"]}]}, WANTED)
    glue.add_response("batch_get_partition", {"Partitions": [{"Values": ["2026-11-21"]}]}, WANTED)
    assert list(CATALOG.find_partitions("songs", [DAY])) == [DAY]


def test_a_partition_that_another_run_created_meanwhile_is_switched(glue: Stubber) -> None:
    raced = {
        "PartitionValues": ["2026-11-21"],
        "ErrorDetail": {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "Partition already exists."},
    }
    glue.add_response("batch_get_partition", {"Partitions": []}, WANTED)
    glue.add_response("batch_create_partition", {"Errors": [raced]}, {**IN_TABLE, "PartitionInputList": ANY})
    glue.add_response("batch_update_partition", {}, {**IN_TABLE, "Entries": ANY})
    CATALOG.publish_partitions(SONGS, {DAY: commit("b")})

    glue.assert_no_pending_responses()


def test_a_refused_partition_is_an_error_that_names_it(glue: Stubber) -> None:
    refused = {
        "PartitionValues": ["2026-11-21"],
        "ErrorDetail": {"ErrorCode": "InternalServiceException", "ErrorMessage": "out of luck"},
    }
    glue.add_response("batch_get_partition", {"Partitions": []}, WANTED)
    glue.add_response("batch_create_partition", {"Errors": [refused]}, {**IN_TABLE, "PartitionInputList": ANY})
    with pytest.raises(TransientError, match=r"refused 1 partitions of db.songs \(2026-11-21\): out of luck"):
        CATALOG.publish_partitions(SONGS, {DAY: commit("b")})


@pytest.mark.parametrize(
    ("code", "status", "failure", "said"),
    [
        ("AccessDeniedException", 400, PermanentError, "allow it in the policy of infra/aws.yaml"),
        ("ThrottlingException", 400, TransientError, "try again"),
        ("InternalServiceException", 500, TransientError, "try again"),
        ("InvalidInputException", 400, PermanentError, "InvalidInputException"),
    ],
)
def test_glues_errors_are_permanent_or_transient(glue: Stubber, code, status, failure, said) -> None:
    glue.add_client_error("get_table", code, "no", status)
    with pytest.raises(failure, match=said):
        CATALOG.find_table("songs")


def test_a_missing_database_and_table_are_made(glue: Stubber) -> None:
    for operation in ("get_table", "update_table", "get_database"):
        glue.add_client_error(operation, "EntityNotFoundException", "not there", 400)
    glue.add_response("create_database", {}, {"DatabaseInput": ANY})
    glue.add_response("create_table", {}, {"DatabaseName": "db", "TableInput": ANY})
    assert CATALOG.publish_table(SONGS) == ["the table is missing"]


class TestCrawler:
    """The external crawler that somebody insists on."""

    def test_it_is_started_awaited_and_reported(self, glue: Stubber) -> None:
        glue.add_response("start_crawler", {}, {"Name": "theirs"})
        glue.add_response("get_crawler", {"Crawler": {"State": "RUNNING"}}, {"Name": "theirs"})
        glue.add_response("get_crawler", {"Crawler": {"State": "STOPPING"}}, {"Name": "theirs"})
        glue.add_response(
            "get_crawler", {"Crawler": {"State": "READY", "LastCrawl": {"Status": "SUCCEEDED"}}}, {"Name": "theirs"}
        )
        result = dg.materialize([crawler_asset("theirs")], resources={"catalog": CATALOG})
        (materialization,) = result.get_asset_materialization_events()
        assert materialization.materialization.metadata["status"].value == "SUCCEEDED"

    def test_a_crawl_under_way_is_joined(self, glue: Stubber) -> None:
        glue.add_client_error("start_crawler", "CrawlerRunningException", "running", 400)
        glue.add_response("get_crawler", {"Crawler": {"State": "READY", "LastCrawl": {"Status": "SUCCEEDED"}}})
        assert CATALOG.crawl("theirs")["Status"] == "SUCCEEDED"

    @pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
    def test_any_other_end_is_a_failure(self, glue: Stubber, status: str) -> None:
        last = {"Status": status, "ErrorMessage": "no such path"}
        glue.add_response("start_crawler", {}, {"Name": "theirs"})
        glue.add_response("get_crawler", {"Crawler": {"State": "READY", "LastCrawl": last}})
        with pytest.raises(PermanentError, match=f"ended {status}: no such path"):
            CATALOG.crawl("theirs")

    def test_a_crawl_without_end_is_given_up(self, glue: Stubber) -> None:
        running: dict[str, Any] = {"Crawler": {"State": "RUNNING"}}
        glue.add_response("start_crawler", {}, {"Name": "theirs"})
        glue.add_response("get_crawler", running)
        with pytest.raises(TransientError, match="theirs is RUNNING after -1 s"):
            CATALOG.crawl("theirs", timeout=-1)
