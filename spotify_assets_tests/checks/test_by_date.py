"""A check of several dates shows per date, and runs without its asset."""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg
import pytest

from spotify_assets.checks.by_date import evaluated
from spotify_assets.partitions import run_dates_or_none
from spotify_assets.retries import retried

PARTITIONS = dg.DailyPartitionsDefinition("2026-01-01", timezone="UTC", end_offset=1)
STORED = [dt.date(2026, 1, number) for number in (1, 2, 3)]
BAD = dt.date(2026, 1, 2)
RANGE = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-03"}


@dg.asset(partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def table() -> None:
    pass


@dg.asset(deps=[table])
def report() -> None:
    pass


@dg.asset_check(asset=table, name="holds", partitions_def=PARTITIONS, blocking=True)
@retried
def holds(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=BAD not in days, description=f"{len(days)} dates")

    return evaluated(context, run_dates_or_none(context) or STORED, judge)


DEFS = dg.Definitions(assets=[table, report], asset_checks=[holds])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def shown(instance: dg.DagsterInstance) -> dict[str | None, str]:
    """What the check page shows: the latest status of each partition, if it is of its latest materialization."""
    found = instance.event_log_storage.get_asset_check_partition_info([dg.AssetCheckKey(table.key, "holds")])
    return {one.partition_key: one.latest_execution_status.value if one.is_current else "MISSING" for one in found}


def run(instance: dg.DagsterInstance, alone: bool, **tags: str) -> dg.ExecuteInProcessResult:
    job = DEFS.resolve_implicit_global_asset_job_def()
    if alone:
        job = job.get_subset(asset_selection=set(), asset_check_selection={dg.AssetCheckKey(table.key, "holds")})
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


EACH = {"2026-01-01": "SUCCEEDED", "2026-01-02": "FAILED", "2026-01-03": "SUCCEEDED"}


def test_a_range_is_evaluated_date_by_date_and_blocks_what_follows(instance: dg.DagsterInstance) -> None:
    """The UI showed every date as "Skipped", "0 / 1 passed", for ever."""
    result = run(instance, False, **RANGE)
    assert shown(instance) == EACH
    assert not result.success
    assert not result.asset_materializations_for_node("report")


def test_checks_alone_run_for_everything_there_is(instance: dg.DagsterInstance) -> None:
    """*Execute* on the asset's checks failed with `Cannot access partition_key for a non-partitioned run`."""
    run(instance, True)
    assert {day: status for day, status in shown(instance).items() if day} == EACH
    assert "PLANNED" not in shown(instance).values()


def test_a_check_is_of_the_materialization_it_was_made_for(instance: dg.DagsterInstance) -> None:
    """Evaluations that name none count as older: the UI showed no date as checked, whatever was evaluated."""
    run(instance, False, **RANGE)
    table_again = dg.materialize([table], instance=instance, tags=RANGE)
    assert table_again.success
    assert shown(instance) == dict.fromkeys(EACH, "MISSING")
    run(instance, True, **RANGE)
    assert shown(instance) == EACH


def test_one_date_alone(instance: dg.DagsterInstance) -> None:
    assert run(instance, True, **{"dagster/partition": "2026-01-03"}).success
    assert shown(instance) == {"2026-01-03": "SUCCEEDED"}
