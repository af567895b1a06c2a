"""One failure speaks alike to a step's retries, to a run's, and to the sensors; an interrupt is none."""

import datetime as dt
import os
import signal
from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from spotify_assets.automation import runs
from spotify_assets.definitions import build_defs
from spotify_assets.executors import IN_PROCESS
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.local.execution import execute
from spotify_assets.retries import PAUSES, failure_kind, raise_if_interrupted, retried
from spotify_assets.settings import load_settings
from spotify_assets_tests.waiting import QuickClock

NOW = dt.datetime.now(dt.UTC)
OURS = "__repository__@spotify_assets"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> QuickClock:
    clock = QuickClock()
    monkeypatch.setattr("spotify_assets.retries.CLOCK", clock)
    return clock


def run_of(
    instance: dg.DagsterInstance, work: Callable[[], object], tags: dict[str, str] | None = None
) -> dg.DagsterRun:
    """The run of a job with one step, as it ended."""

    @dg.op(name="work")
    @retried
    def step() -> None:
        work()

    @dg.job(executor_def=IN_PROCESS)
    def job() -> None:
        step()

    result = execute(job, instance, tags={runs.PLANNER_TAG: "sensor", **(tags or {})})
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run


def outcome(
    instance: dg.DagsterInstance, error: BaseException, tags: dict[str, str] | None = None
) -> tuple[int, dg.DagsterRun]:
    """(how often the step was tried, the run)."""
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise error

    run = run_of(instance, work, tags)
    return len(tries), run


def attempt(instance: dg.DagsterInstance) -> runs.Attempt:
    return runs.attempts(runs.OurRuns(instance, OURS), "sensor")[0]


def test_a_permanent_failure_is_tried_once_by_step_run_and_sensor(instance: dg.DagsterInstance) -> None:
    tries, run = outcome(instance, PermanentError("the key is wrong"))
    assert tries == 1
    assert run.tags["dagster/retry_on_asset_or_op_failure"] == "false"
    assert attempt(instance).permanent
    assert attempt(instance).outcome == "failed"


def test_a_transient_failure_is_retried_by_the_step(instance: dg.DagsterInstance, clock: QuickClock) -> None:
    tries, _ = outcome(instance, TransientError("the network is gone"))
    assert tries == 4
    assert [round(slept / pause, 1) for slept, pause in zip(clock.slept, PAUSES, strict=True)] == pytest.approx(
        [1, 1, 1], abs=0.21
    )
    assert not attempt(instance).permanent


@pytest.mark.parametrize(
    "error", [ConnectionResetError("by peer"), TimeoutError("after 60 s"), OSError(110, "timeout")]
)
def test_a_network_that_is_gone_is_transient_whoever_says_so(instance: dg.DagsterInstance, error: Exception) -> None:
    assert outcome(instance, error)[0] == 4


@pytest.mark.parametrize("error", [KeyError("day"), RuntimeError("no idea"), PermissionError(13, "denied")])
def test_what_nobody_foresaw_fails_at_the_first_try(
    instance: dg.DagsterInstance, clock: QuickClock, error: Exception
) -> None:
    """It waited 20 + 60 + 140 seconds in silence, for a fault of the program that no wait mends."""
    assert outcome(instance, error)[0] == 1
    assert clock.slept == []


def test_a_cool_down_is_left_to_the_sensor_which_knows_when_it_ends(instance: dg.DagsterInstance) -> None:
    at = NOW + dt.timedelta(hours=8)
    tries, run = outcome(instance, TransientError("429 for hours", retry_at=at))
    assert tries == 1
    assert run.tags["dagster/retry_on_asset_or_op_failure"] == "false"
    assert (attempt(instance).permanent, attempt(instance).retry_at) == (False, at)


def test_a_re_execution_inherits_the_tags_and_not_the_verdict(instance: dg.DagsterInstance) -> None:
    """The second run failed for a passing reason and was given up like its parent."""
    _, parent = outcome(instance, PermanentError("the key is wrong"))
    _, child = outcome(instance, TransientError("the network is gone"), dict(parent.tags))
    assert failure_kind(parent) == "permanent"
    assert failure_kind(child) == "transient"
    assert child.tags.get("dagster/max_retries") != "0"


def swallowed() -> None:
    """What DuckDB does with a signal handler's exception: another one, without a cause."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        raise PermanentError("The embedded warehouse could not run 'COPY INTO': Query interrupted") from None


def ignored() -> None:
    """A library that hides the interrupt altogether."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        return


def gone_on_after() -> None:
    """A loop that parts a failed range in halves asks first."""
    try:
        swallowed()
    except PermanentError:
        raise_if_interrupted()
        raise AssertionError("it went on") from None


@pytest.mark.parametrize("work", [swallowed, ignored, gone_on_after, lambda: os.kill(os.getpid(), signal.SIGTERM)])
def test_an_interrupt_ends_the_run_as_canceled_at_once_and_tags_nothing(
    instance: dg.DagsterInstance, clock: QuickClock, work: Callable[[], object]
) -> None:
    """It was retried until the terminated run went on to SUCCESS, or was taken for a permanent failure."""
    run = run_of(instance, work)
    assert run.status == dg.DagsterRunStatus.CANCELED
    assert not [tag for tag in run.tags if tag.startswith("spotify_assets/") and tag != runs.PLANNER_TAG]
    assert clock.slept == []


def test_an_interrupt_while_waiting_for_the_next_try_ends_the_run(
    instance: dg.DagsterInstance, clock: QuickClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "sleep", lambda seconds: os.kill(os.getpid(), signal.SIGTERM))
    tries, run = outcome(instance, TransientError("the network is gone"))
    assert (tries, run.status) == (1, dg.DagsterRunStatus.CANCELED)


def test_every_step_of_the_platform_speaks_to_dagster_and_none_has_a_retry_policy() -> None:
    defs = build_defs(load_settings({}))
    steps = {op.name: op for job in defs.get_repository_def().get_all_jobs() for op in job.all_node_defs}
    assert len(steps) > 50
    ops = [op for op in steps.values() if isinstance(op, dg.OpDefinition)]
    silent = [op.name for op in ops if not getattr(op.compute_fn.decorated_fn, "speaks_to_dagster", False)]  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
    assert silent == []
    assert [op.name for op in ops if op.retry_policy] == []
