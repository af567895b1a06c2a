"""The stack on MiniStack, then the line on it: events, sensors, catalog, Athena, Lambda. Run by `make clouds`.

The shapes of AWS's answers that moto and MiniStack read differently are tested in both readings (`UnprocessedKeys`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.fingerprint import transformation
from spotify_assets.automation.jobs import build_jobs
from spotify_assets.automation.maintenance import maintenance_jobs
from spotify_assets.automation.sensors import lake_events_sensor
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.lake import layout
from spotify_assets.resources.athena import AthenaResource
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage import aws
from spotify_assets_tests.automation.world import START, world_on
from spotify_assets_tests.clouds.ministack import REGION, running
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.entries import entry, spotify_id, track
from spotify_assets_tests.infra.test_aws_template import EVERYTHING, TEMPLATE
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw

pytestmark = pytest.mark.clouds

ACCOUNT = "000000000000"
BUCKET = f"spotify-assets-{ACCOUNT}-{REGION}"
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(3)]
NOT_THERE = {  # neither AWS::Budgets::Budget nor AWS::IAM::OIDCProvider is on MiniStack
    "MonthlyBudgetUsd": "0",
    "GitHubOidcProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
}


@dataclass(frozen=True)
class Cloud:
    """The emulator after the stack was created and updated twice: `statuses` and the outputs of the last."""

    endpoint: str
    statuses: list[str]
    outputs: dict[str, str]
    ids: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(service, REGION, endpoint_url=self.endpoint)  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running(tmp_path_factory.mktemp("ministack")) as endpoint:
        aws.client.cache_clear()
        client: Any = boto3.client("cloudformation", REGION, endpoint_url=endpoint)
        statuses = [_deploy(client, "create_stack", NOT_THERE)]
        zipped = tmp_path_factory.mktemp("lambda") / "lambda.zip"
        _build_lambda(zipped)
        for key in ("first", "second"):
            boto3.client("s3", REGION, endpoint_url=endpoint).upload_file(str(zipped), BUCKET, f"lake/lambda/{key}.zip")
            parameters = {**EVERYTHING, **NOT_THERE, "ExtractionCodeKey": f"lake/lambda/{key}.zip"}
            statuses.append(_deploy(client, "update_stack", {**parameters, "SnowpipeQueueArn": ""}))
        stack = client.describe_stacks(StackName="spotify-assets")["Stacks"][0]
        resources = client.describe_stack_resources(StackName="spotify-assets")["StackResources"]
        yield Cloud(
            endpoint,
            statuses,
            {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
            {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources},
        )
        aws.client.cache_clear()


def _deploy(client: Any, operation: str, parameters: dict[str, str]) -> str:
    getattr(client, operation)(
        StackName="spotify-assets",
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    waiter = client.get_waiter("stack_create_complete" if operation == "create_stack" else "stack_update_complete")
    waiter.wait(StackName="spotify-assets", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    return client.describe_stacks(StackName="spotify-assets")["Stacks"][0]["StackStatus"]


def _build_lambda(path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("build_lambda", TEMPLATE.parent / "build_lambda.py")
    assert spec
    assert spec.loader
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    builder.write_zip(path, builder.own_files())


@pytest.fixture
def lake(cloud: Cloud) -> LakeResource:
    return LakeResource(url=cloud.outputs["LakeUrl"], endpoint_url=cloud.endpoint)


def test_the_stack_is_created_and_updated_twice(cloud: Cloud) -> None:
    assert cloud.statuses == ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE"]
    assert cloud.outputs["LakeUrl"] == f"s3://{BUCKET}/lake"
    assert cloud.outputs["GlueDatabase"] == "spotify_assets"


def test_the_lambda_has_the_newest_zip(cloud: Cloud) -> None:
    function = cloud.client("lambda").get_function(FunctionName=cloud.ids["ExtractionFunction"])
    assert function["Configuration"]["Handler"] == "spotify_assets.lambda_handler.handle"
    assert function["Configuration"]["Runtime"] == "python3.13"
    assert function["Configuration"]["CodeSize"] > 10_000


def test_an_object_that_lands_in_raw_is_announced_and_built_by_the_sensor(cloud: Cloud, lake: LakeResource) -> None:
    with world_on(lake) as world:
        for day in DAYS:
            page = [entry(track(f"s{number}")) for number in range(3)]
            put_raw(lake.store, Raw(spotify_id("p"), {"name": "P"}, [(0, page)], day=day))
        jobs = [*build_jobs(), *maintenance_jobs()]
        queue = cloud.outputs["LakeEventsQueueUrl"].replace(f"https://sqs.{REGION}.amazonaws.com", cloud.endpoint)
        sensor = lake_events_sensor(START, queue, jobs, dg.DefaultSensorStatus.STOPPED, clock=world.clock)
        for _ in range(3):
            world.tick(sensor)
        assert sorted(day for day, _ in world.built) == DAYS


def test_the_catalog_and_athena_show_the_rows_of_the_commits(cloud: Cloud, lake: LakeResource) -> None:
    commits = _built(lake)
    catalog = CatalogResource(database=cloud.outputs["GlueDatabase"], lake_url=lake.url, endpoint_url=cloud.endpoint)
    athena = AthenaResource(
        database=catalog.database, workgroup=cloud.outputs["AthenaWorkgroup"], endpoint_url=cloud.endpoint
    )
    assert "results at s3://" in athena.examine()
    table = LAKE_TABLES["playlist_items"]

    catalog.publish_table(table)
    first = catalog.publish_partitions(table, commits)
    again = catalog.publish_partitions(table, commits)
    counted = athena.query('select "day", count(*) from "playlist_items" group by 1 order by 1')

    assert (list(first.create), again.unchanged) == (DAYS, tuple(DAYS))
    assert catalog.drift(table, commits, whole_table=True) == {}
    assert [(str(day), rows) for day, rows in counted.rows] == [(str(day), 3) for day in DAYS]


def test_partitions_that_are_not_there_are_absent_however_glue_says_so(cloud: Cloud) -> None:
    catalog = CatalogResource(
        database=cloud.outputs["GlueDatabase"], lake_url="s3://b/lake", endpoint_url=cloud.endpoint
    )
    catalog.publish_table(LAKE_TABLES["songs"])
    wanted = [{"Values": [day.isoformat()]} for day in DAYS]
    answer = cloud.client("glue").batch_get_partition(
        DatabaseName=catalog.database, TableName="songs", PartitionsToGet=wanted
    )
    assert answer["UnprocessedKeys"] == wanted, "the reading of the reference, which moto does not have"

    assert catalog.find_partitions("songs", DAYS) == {}


def _built(lake: LakeResource) -> dict[dt.date, Commit]:
    """Build what is in raw with the real engine, and commit it."""
    store = lake.store
    for day in DAYS:
        page = [entry(track(f"s{number}")) for number in range(3)]
        put_raw(store, Raw(spotify_id("p"), {"name": "P"}, [(0, page)], day=day))
    days = work(store)
    sources = {each.day: each.sources for each in days}
    for built in build_days(store, "by-duckdb", days):
        commit = built.commit(
            engine="duckdb", code=transformation(), sources=sources[built.day], committed_at=dt.datetime.now(dt.UTC)
        )
        store.put(layout.commit_key(built.day), commit.to_json())
    return lake.commits(DAYS)
