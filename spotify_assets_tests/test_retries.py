"""One failure speaks alike to a step's retries, to a run's, and to the sensors."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from spotify_assets.automation import runs
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.retries import speak_to_dagster

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def outcome(instance: dg.DagsterInstance, error: Exception) -> tuple[int, dict[str, str]]:
    """(how often the step was tried, the run's tags)."""
    tries: list[int] = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work(context: dg.OpExecutionContext) -> None:
        with speak_to_dagster(context):
            tries.append(1)
            raise error

    @dg.job(tags={runs.PLANNER_TAG: "sensor"})
    def job() -> None:
        work()

    result = job.execute_in_process(instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return len(tries), dict(run.tags)


def test_a_permanent_failure_is_tried_once_by_step_run_and_sensor(instance: dg.DagsterInstance) -> None:
    tries, tags = outcome(instance, PermanentError("the key is wrong"))
    assert tries == 1
    assert (tags["dagster/max_retries"], tags["dagster/retry_on_asset_or_op_failure"]) == ("0", "false")
    (attempt,) = runs.attempts(instance, "sensor")
    assert attempt.permanent
    assert attempt.outcome == "failed"


def test_a_transient_failure_is_retried_by_the_step(instance: dg.DagsterInstance) -> None:
    tries, tags = outcome(instance, TransientError("the network is gone"))
    assert tries == 3
    assert tags.get("dagster/max_retries") != "0"
    (attempt,) = runs.attempts(instance, "sensor")
    assert not attempt.permanent


def test_a_cool_down_is_left_to_the_sensor_which_knows_when_it_ends(instance: dg.DagsterInstance) -> None:
    at = NOW + dt.timedelta(hours=8)
    tries, tags = outcome(instance, TransientError("429 for hours", retry_at=at))
    assert tries == 1
    assert tags["dagster/max_retries"] == "0"
    (attempt,) = runs.attempts(instance, "sensor")
    assert (attempt.permanent, attempt.retry_at) == (False, at)
