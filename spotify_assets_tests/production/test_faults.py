"""What half an hour on a real deployment once showed, through the daemon, the code server and the webserver's GraphQL.

One deployment for all of it, on Postgres, with a second copy of this platform (`neighbour`) in the same instance. Each
test has snapshot dates of its own, and only the sensors it starts.
"""

from __future__ import annotations

import datetime as dt
import signal
import sys
from collections.abc import Iterator, Mapping

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout
from spotify_assets_tests.line import new_home
from spotify_assets_tests.production import graphql
from spotify_assets_tests.production.deployment import Deployment, deployment
from spotify_assets_tests.production.history import TODAY, days_ago, put_snapshots, store_of
from spotify_assets_tests.production.postgres import free_port
from spotify_assets_tests.production.until import PATIENCE, until
from spotify_assets_tests.production.webhook import Chat, chat

pytestmark = pytest.mark.soak

START = days_ago(40)
NEIGHBOUR = "neighbour"
LARGE = 30_000
"""Entries of a snapshot whose tables take DuckDB some seconds."""


@pytest.fixture(scope="module")
def told() -> Iterator[Chat]:
    with chat() as found:
        yield found


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory, told: Chat) -> Iterator[Deployment]:
    port = free_port()
    settings = {
        "PARTITIONS_START": START.isoformat(),
        "EXTRACT_CRON": "30 4 * * *",
        "SCHEDULE_TIMEZONE": "Europe/Berlin",
        "ALERT_WEBHOOK_URL": told.url,
        "SPOTIFY_PLAYLISTS": "",
    }
    with deployment(tmp_path_factory.mktemp("dagster"), settings, neighbours={NEIGHBOUR: port}) as found:
        module = ["-m", "dagster", "api", "grpc", "-m", "spotify_assets.definitions", "--location-name", NEIGHBOUR]
        found.start(
            NEIGHBOUR,
            instead_of=[sys.executable, *module, "-h", "127.0.0.1", "-p", str(port)],
            SPOTIFY_ASSETS_HOME=str(found.folder / NEIGHBOUR),
        )
        found.serving()
        for sensor in ("run_failures", "check_failures", "reported_check_failures"):
            found.start_sensor(sensor)
        yield found


def partition(day: dt.date) -> dict[str, str]:
    return {"dagster/partition": day.isoformat()}


def span(first: dt.date, last: dt.date) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }


@pytest.mark.parametrize("how", ["terminate", "SIGTERM"])
def test_an_interrupt_ends_a_run_as_canceled_and_nothing_tries_it_again(dagster: Deployment, how: str) -> None:
    """DuckDB raised `RuntimeError("Query interrupted")`: the step was retried, and the terminated run went on."""
    day = days_ago(30 if how == "terminate" else 31)
    put_snapshots(dagster.home, [day], LARGE)
    run = dagster.launch("build_history", tags=partition(day))
    until(
        lambda: any(event.get("eventType") == "STEP_START" for event in dagster.events(run)),
        PATIENCE,
        lambda: f"the first step began\n{dagster.logs()}",
    )
    if how == "terminate":
        told = dagster.ask(graphql.TERMINATE, runId=run)["terminateRun"]
        assert told["__typename"] == "TerminateRunSuccess", told
    else:
        dagster.worker(run).send_signal(signal.SIGTERM)
    ended = dagster.ended(run, 30)

    assert ended["status"] == "CANCELED"
    assert not [tag for tag in ended["tags"] if tag.startswith("spotify_assets/")]
    assert "STEP_UP_FOR_RETRY" not in {event.get("eventType") for event in dagster.events(run)}
    assert [other for other in dagster.runs() if other["rootRunId"] == run and other["runId"] != run] == []


def test_a_killed_run_is_repeated_and_ends_well(dagster: Deployment) -> None:
    day = days_ago(29)
    put_snapshots(dagster.home, [day], LARGE)
    run = dagster.launch("build_history", tags=partition(day))
    dagster.in_status(run, "STARTED")
    dagster.worker(run).kill()
    assert dagster.ended(run)["status"] == "FAILURE"
    (again,) = until(
        lambda: [other for other in dagster.runs() if other["parentRunId"] == run], PATIENCE, "the repetition"
    )
    assert dagster.ended(again["runId"])["status"] == "SUCCESS"


def test_a_run_whose_code_server_was_killed_is_noticed_and_repeated(dagster: Deployment) -> None:
    """Dagster's own launcher leaves it STARTED until its time is up, six hours later, and its dates busy."""
    day = days_ago(28)
    put_snapshots(dagster.home, [day], LARGE)
    run = dagster.launch("build_history", tags=partition(day))
    dagster.in_status(run, "STARTED")
    dagster.kill("code")
    dagster.start("code")
    dagster.serving()
    assert dagster.ended(run)["status"] == "FAILURE"
    (again,) = until(
        lambda: [other for other in dagster.runs() if other["parentRunId"] == run], PATIENCE, "the repetition"
    )
    assert dagster.ended(again["runId"])["status"] == "SUCCESS"


def test_a_killed_daemon_goes_on_where_it_was(dagster: Deployment) -> None:
    day = days_ago(27)
    put_snapshots(dagster.home, [day])
    dagster.kill("daemon")
    run = dagster.launch("build_history", tags=partition(day))
    assert dagster.run(run)["status"] == "QUEUED"
    dagster.start("daemon")
    assert dagster.ended(run)["status"] == "SUCCESS"
    assert len([other for other in dagster.runs() if other["tags"].get("dagster/partition") == day.isoformat()]) == 1


def _is_of(tags: Mapping[str, str], day: dt.date) -> bool:
    """Whether a run is of the date, alone or in a range: what an earlier test left stale is built with it."""
    alone = tags.get("dagster/partition", "")
    first = tags.get("dagster/asset_partition_range_start", alone)
    last = tags.get("dagster/asset_partition_range_end", alone)
    return first <= day.isoformat() <= last


def test_another_location_of_the_instance_is_none_of_our_business(dagster: Deployment) -> None:
    """A neighbour's run for today made our date busy, and its extraction made ours "extracted": a day lost."""
    theirs = dagster.launch("extract_playlists", location=NEIGHBOUR, tags=partition(TODAY))
    assert dagster.ended(theirs)["status"] == "SUCCESS"
    building = dagster.launch("build_history", location=NEIGHBOUR, tags=partition(TODAY))

    dagster.start_sensor("unfinished_extraction")
    tick = dagster.next_tick("unfinished_extraction")
    assert tick["skipReason"].startswith(f"No extraction of {TODAY} has been started"), tick

    put_snapshots(dagster.home, [TODAY])
    dagster.start_sensor("stale_dates")
    (ours,) = until(
        lambda: [
            run
            for run in dagster.runs()
            if run["tags"].get("dagster/sensor_name") == "stale_dates" and _is_of(run["tags"], TODAY)
        ],
        PATIENCE,
        lambda: f"our date of today is requested\n{dagster.ticks('stale_dates')}",
    )
    assert ours["tags"]["dagster/code_location"] == "spotify_assets"
    assert dagster.ended(ours["runId"])["status"] == "SUCCESS"
    assert dagster.ended(building)["status"] == "SUCCESS"
    for sensor in ("unfinished_extraction", "stale_dates"):
        dagster.stop(sensor)


def test_a_check_that_fails_in_a_run_that_succeeds_tells_people_once(dagster: Deployment, told: Chat) -> None:
    """Only failed runs told anybody of anything."""
    day = days_ago(26)
    put_snapshots(dagster.home, [day])
    assert dagster.ended(dagster.launch("build_history", tags=partition(day)))["status"] == "SUCCESS"
    with new_home(dagster.home).warehouse.session() as session:
        session.execute(f"delete from LAKE.SONGS where snapshot_date = '{day}'")

    for _ in range(2):
        assert dagster.ended(dagster.launch("reconcile_recent_dates"))["status"] == "SUCCESS"
    until(lambda: told.of("of warehouse_loads failed"), PATIENCE, lambda: f"a message\n{dagster.logs()}")
    seen = len(dagster.ticks("check_failures"))
    until(lambda: len(dagster.ticks("check_failures")) > seen + 1, PATIENCE, "two more ticks")

    (message,) = told.of("of warehouse_loads failed")
    assert f"songs {day}" in message
    assert "What to do: " in message
    assert "/assets/warehouse_loads?view=checks" in message


def test_a_check_that_is_reported_outside_of_runs_tells_people(dagster: Deployment, told: Chat) -> None:
    """Snowpipe's checks come from a sensor, and those of others through the webserver: no run's end told of them."""
    dagster.report_check(["lake", "songs"], "contract_holds")
    until(lambda: told.of("contract_holds of lake/songs failed"), PATIENCE, lambda: f"a message\n{dagster.logs()}")
    (message,) = told.of("contract_holds of lake/songs failed")
    assert "/assets/lake/songs?view=checks&checkDetail=contract_holds" in message


def test_a_failure_is_not_inherited_by_the_run_that_is_executed_again(dagster: Deployment, told: Chat) -> None:
    """`failure=permanent` and `max_retries=0` were: the second run was given up although it had succeeded."""
    day = days_ago(25)
    put_snapshots(dagster.home, [day])
    store_of(dagster.home).put(layout.commit_key(day), b"{")
    failed = dagster.launch("build_history", tags=partition(day))
    assert dagster.ended(failed)["status"] == "FAILURE"
    until(lambda: told.of("build_history failed"), PATIENCE, lambda: f"a message\n{dagster.logs()}")
    assert dagster.run(failed)["tags"]["spotify_assets/failure"] == f"permanent@{failed}"

    store_of(dagster.home).delete([layout.commit_key(day)])
    again = dagster.ask(graphql.REEXECUTE, params={"parentRunId": failed, "strategy": "ALL_STEPS"})
    run = dagster.ended(again["launchRunReexecution"]["run"]["runId"])

    assert run["status"] == "SUCCESS"
    assert run["tags"]["spotify_assets/failure"] == f"permanent@{failed}", "Dagster hands it on: it names whose it is"
    assert run["tags"].get("dagster/max_retries") != "0"


def test_data_is_late_three_hours_after_the_extraction_wherever_that_is(dagster: Deployment) -> None:
    """It was 09:00 UTC whatever the schedule, and `warehouse_loads`, which nothing materializes, stayed UNKNOWN."""
    late = dagster.ask(graphql.FRESHNESS, keys=[{"path": ["lake", "songs"]}, {"path": ["warehouse_loads"]}])
    policies = {tuple(node["assetKey"]["path"]): node["internalFreshnessPolicy"] for node in late["assetNodes"]}
    assert policies["lake", "songs"]["deadlineCron"] == "30 7 * * *"
    assert policies["lake", "songs"]["timezone"] == "Europe/Berlin"
    assert policies["warehouse_loads",] is None


def test_partitioned_checks_show_per_date_and_run_alone(dagster: Deployment) -> None:
    """Of a run over a range they read "Skipped", "0 / 1 passed" for ever; *Execute* on one failed."""
    first, last = days_ago(23), days_ago(21)
    put_snapshots(dagster.home, [first, first + dt.timedelta(days=1), last])
    run = dagster.launch("build_history", tags=span(first, last))
    assert dagster.ended(run)["status"] == "SUCCESS"

    checks = {
        (table, name): ranges
        for table in LAKE_TABLES
        for path in (["lake", table], ["snowflake", "lake", table])
        for name, ranges in dagster.partitioned_checks(path).items()
    }
    assert len(checks) >= len(LAKE_TABLES)
    for check, ranges in checks.items():
        for day in (first.isoformat(), last.isoformat()):
            (status,) = {each["status"] for each in ranges if each["startKey"] <= day <= each["endKey"]}
            assert status == "SUCCEEDED", (check, ranges)

    handle = [{"assetKey": {"path": ["lake", "songs"]}, "name": "contract_holds"}]
    for tags in (partition(last), {}):
        alone = dagster.launch("__ASSET_JOB", tags=tags, assetSelection=[], assetCheckSelection=handle)
        assert dagster.ended(alone)["status"] == "SUCCESS", dagster.events(alone)
