"""Glue through the product's own job: `build_history` on a lake on S3, and what may happen to its Glue runs.

The Glue API is a script; what a run was started for is computed by DuckDB, so that a date that is committed has the
rows of its snapshots. `test_glue.py` has the troubles of a single run in more detail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg
import pytest
from botocore.exceptions import ReadTimeoutError

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation.jobs import BUILD
from spotify_assets.definitions import build_defs
from spotify_assets.engines.glue import GlueJobResource
from spotify_assets.engines.glue_runs import GlueRuns
from spotify_assets.engines.glue_script import ship
from spotify_assets.names import PLAIN
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.engines.glue_service import Fate, GlueService, Killed, succeed
from spotify_assets_tests.entries import entry, track
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw
from spotify_assets_tests.scripted_aws import Answer

pytestmark = pytest.mark.slow

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(4)]
THROTTLED, DENIED = "ThrottlingException", "AccessDeniedException"
FULL, LIMIT = "ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"
INTERNAL = "InternalServiceException"
LOST = ReadTimeoutError(endpoint_url="https://glue")
POLLS = [*[THROTTLED] * 5, *[LOST] * 3, INTERNAL]


@pytest.fixture(scope="module")
def job() -> dg.JobDefinition:
    """`build_history` as it is on S3 with Glue; the step that builds the lake's tables, with the checks it makes."""
    settings = load_settings({"LAKE_URL": "s3://bucket/lake", "TRANSFORM_ENGINE": "glue"})
    defs = build_defs(settings, overrides={"lake": lake_here})
    step = defs.resolve_asset_graph().get(PLAIN.lake("songs")).execution_set_entity_keys
    return defs.resolve_job_def(BUILD).get_subset(
        asset_selection=frozenset(key for key in step if isinstance(key, dg.AssetKey)),
        asset_check_selection=frozenset(key for key in step if isinstance(key, dg.AssetCheckKey)),
    )


@dg.resource
def lake_here(context: dg.InitResourceContext) -> LakeResource:
    """A lake in a folder, named by the run; what Glue is told of it is nobody's business here."""
    return LakeResource(url=str(context.run and context.run.tags["lake"]))


@pytest.fixture
def days() -> list[dt.date]:
    return DAYS


@pytest.fixture
def lake(store: ObjectStore, days: list[dt.date]) -> LakeResource:
    """The dates of a playlist, to be built."""
    for day in days:
        items = [entry(track(f"s{number}")) for number in range(3)]
        put_raw(store, Raw("p1", {"name": "P"}, day=day, pages=[(0, items)]))
    ship(store)
    return LakeResource(url=store.url())


@pytest.fixture
def service(lake: LakeResource, monkeypatch: pytest.MonkeyPatch) -> GlueService:
    """A Glue; the job's steps are tried again without a wait."""
    found = GlueService(lake.store)
    monkeypatch.setattr(
        GlueJobResource, "runs", lambda self: GlueRuns(self.job_name, found.glue, found.glue, found.logs, found.clock)
    )
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda self, attempt: 0)
    return found


@pytest.fixture
def build(
    job: dg.JobDefinition, lake: LakeResource, days: list[dt.date]
) -> Iterator[Callable[..., dg.ExecuteInProcessResult]]:
    """Runs the job over the dates, in this process."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(**tags: str) -> dg.ExecuteInProcessResult:
            dates = {
                "dagster/asset_partition_range_start": days[0].isoformat(),
                "dagster/asset_partition_range_end": days[-1].isoformat(),
            }
            return job.execute_in_process(
                instance=instance, tags={**dates, "lake": lake.url, **tags}, raise_on_error=False
            )

        yield run


def committed(lake: LakeResource) -> int:
    """How many of the dates have a commit whose files are there, three entries each."""
    commits = lake.commits(DAYS)
    for commit in commits.values():
        assert commit.rows("playlist_items") == commit.entries == 3
        for table in LAKE_TABLES:
            assert all(lake.store.head(key) for key in commit.file_keys(table))
    return len(commits)


def crash(service: GlueService, build: Callable[..., dg.ExecuteInProcessResult]) -> None:
    """Run the job, and end its process while its Glue run runs: nobody is told, and nothing is stopped."""

    def die() -> None:
        service.unreachable = True
        raise Killed

    service.sleeping = [lambda: None, die]
    assert not build().success
    service.unreachable = False
    assert [run["JobRunState"] for run in service.runs] == ["RUNNING"]


@pytest.mark.parametrize("days", [DAYS[:2]], ids=["two dates"])
class TestOneRunForOneWork:
    """A Glue run belongs to the work it was started for, whoever attempts it."""

    def test_a_run_left_by_a_crash_is_taken_up_by_the_daemons_repeat(self, service, build, lake, days) -> None:
        crash(service, build)

        # The daemon's repeat of a crashed run is a run of its own, which knows its parent.
        result = build(**{"dagster/parent_run_id": "crashed", "dagster/retry_number": "1"})

        assert result.success
        assert service.started == 1
        assert committed(lake) == len(days)

    def test_one_that_succeeded_meanwhile_is_used_and_not_paid_for_again(self, service, build, lake, days) -> None:
        crash(service, build)
        service.advance()
        assert [run["JobRunState"] for run in service.runs] == ["SUCCEEDED"]

        assert build().success
        assert service.started == 1
        assert committed(lake) == len(days)

    def test_what_was_read_once_is_not_read_again_by_a_rebuild(self, service, build, lake, days) -> None:
        assert build().success
        for day in days:
            lake.store.delete([f"tables/_commits/day={day}.json"])

        assert build().success
        assert service.started == 2
        assert committed(lake) == len(days)

    def test_other_sources_are_other_work(self, service, build, lake, days) -> None:
        service.fates = ["RUNNING"]

        crash(service, build)
        raw = Raw(
            "p1", {"name": "P"}, day=days[0], pages=[(0, [entry(track("s0"))] * 3)], extracted_at="2026-01-01T09:00:00Z"
        )
        put_raw(lake.store, raw, run_id="later")

        assert build().success
        assert service.started == 2

    def test_every_attempt_writes_under_a_name_of_its_own(self, service, build, lake, days) -> None:
        def half(glue: GlueService, run: dict[str, Any]) -> str:
            succeed(glue, run, leave_out=("closed",))
            return "FAILED"

        service.fates = [half]
        assert build().success
        assert service.started == 2
        for commit in lake.commits(days).values():
            for table in LAKE_TABLES:
                day = f"tables/{table}/run={commit.run_id}/day={commit.day}/"
                assert {found.key for found in lake.store.list(day)} == set(commit.file_keys(table))


class TestTimeout:
    """A run that takes too long is no verdict on its dates: the next try asks for less."""

    def test_the_range_is_built_in_halves(self, service, build, lake) -> None:
        service.fates = ["TIMEOUT", succeed, "TIMEOUT"]

        assert build().success
        assert service.started == 5  # all, the first half, the second, and its two dates
        assert committed(lake) == len(DAYS)

    def test_what_timed_out_counts_in_the_cost(self, service, build) -> None:
        service.fates = ["TIMEOUT"]

        result = build()

        (event, *_) = result.asset_materializations_for_node("lake_tables")
        assert event.metadata["glue_runs"].value == 3
        assert event.metadata["execution_seconds"].value == 3 * 90

    def test_one_date_that_takes_too_long_is_final_and_says_what_to_give(self, service, build) -> None:
        service.fates = ["TIMEOUT"] * 9

        result = build()

        assert not result.success
        assert "GLUE_WORKERS" in failure(result)
        assert service.started == 3  # all, the first half, its first date

    def test_a_repeat_does_not_pay_for_the_same_timeout_again(self, service, build, lake) -> None:
        service.fates = ["TIMEOUT", DENIED_WHILE_POLLING]
        assert not build().success

        assert build().success
        ranges = [run["Arguments"]["--run-key"][:21] for run in service.runs]
        assert ranges.count(f"{DAYS[0]}-{DAYS[-1]}") == 1
        assert committed(lake) == len(DAYS)


def _denied(service: GlueService, run: dict[str, Any]) -> str:
    service.troubles["get_job_run"] = [DENIED]
    return "RUNNING"


DENIED_WHILE_POLLING: Fate = _denied


def silent(service: GlueService, run: dict[str, Any]) -> str:
    return "SUCCEEDED"


def unclosed(service: GlueService, run: dict[str, Any]) -> str:
    return succeed(service, run, leave_out=("closed",))


def unreported(service: GlueService, run: dict[str, Any]) -> str:
    return succeed(service, run, leave_out=("report_custom_message",))


def broken(text: str) -> Fate:
    def fail(service: GlueService, run: dict[str, Any]) -> str:
        run["ErrorMessage"] = text
        return "FAILED"

    return fail


WAYS_OUT: list[tuple[str, dict[str, list[Answer]], list[Fate], bool, int]] = [
    # what happens, answers before the truth, how runs end, whether the job succeeds, how many runs were started
    ("nothing", {}, [], True, 1),
    ("a throttled start, and a full account", {"start_job_run": [THROTTLED, FULL, FULL, LIMIT]}, [], True, 1),
    ("starts that AWS failed at, and that were not answered", {"start_job_run": [INTERNAL, LOST]}, [], True, 1),
    ("a denied start", {"start_job_run": [DENIED]}, [], False, 0),
    ("a job that is not there", {"start_job_run": ["EntityNotFoundException"]}, [], False, 0),
    ("a start that is no start", {"start_job_run": ["InvalidInputException"]}, [], False, 0),
    ("a throttled look for earlier runs", {"get_job_runs": [THROTTLED]}, [], True, 1),
    ("a denied look for earlier runs", {"get_job_runs": [DENIED]}, [], False, 0),
    ("polls that are throttled, not answered and failed at", {"get_job_run": POLLS}, [], True, 1),
    ("a poll that is denied", {"get_job_run": [DENIED]}, [], False, 1),
    ("a run that failed for good", {}, ["FAILED"] * 9, False, 4),
    ("a script that is not there", {}, [broken("ModuleNotFoundError: No module named 'glue_scripts'")], False, 1),
    ("a role that may not write", {}, [broken("AccessDenied: s3:PutObject")], False, 1),
    ("runs that fail, end in an error and expire in the queue", {}, ["FAILED", "ERROR", "EXPIRED"], True, 4),
    ("a run that somebody stopped", {}, ["STOPPED"], False, 1),
    ("a success without a message", {}, [silent], True, 2),
    ("a success that did not close", {}, [unclosed], True, 2),
    ("a success that reported nothing", {}, [unreported], True, 2),
    ("a timeout", {}, ["TIMEOUT"], True, 3),
]


@pytest.mark.parametrize("days", [DAYS[:2]], ids=["two dates"])
@pytest.mark.parametrize(
    ("what", "answers", "fates", "succeeds", "started"), WAYS_OUT, ids=[way[0] for way in WAYS_OUT]
)
def test_every_trouble_ends_as_it_should(
    service: GlueService,
    build: Callable[..., dg.ExecuteInProcessResult],
    lake: LakeResource,
    days: list[dt.date],
    what: str,
    answers: dict[str, list[Answer]],
    fates: Sequence[Fate],
    succeeds: bool,
    started: int,
) -> None:
    service.troubles = {operation: list(script) for operation, script in answers.items()}
    service.fates = list(fates)

    result = build()

    assert result.success is succeeds, failure(result)
    assert service.started == started
    assert committed(lake) == (len(days) if succeeds else 0)
    assert not [run for run in service.runs if run["JobRunState"] in ("STARTING", "RUNNING")]


def failure(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.step_failure_data.error) for event in result.all_events if event.event_type_value == "STEP_FAILURE"
    )


def test_a_date_whose_raw_object_cant_be_read_waits_for_the_next_run(service, build, lake) -> None:
    def refuse(service: GlueService, run: dict[str, Any]) -> str:
        committed_before.append(committed(lake))
        return succeed(service, run, unread={str(DAYS[1]): "s3://bucket/lake/raw/a can't be read (refused)"})

    def read(service: GlueService, run: dict[str, Any]) -> str:
        committed_before.append(committed(lake))
        return succeed(service, run)

    committed_before: list[int] = []
    service.fates = [refuse, read]

    assert build().success
    assert committed_before == [0, len(DAYS) - 1]
    assert committed(lake) == len(DAYS)


def test_the_work_is_all_that_names_it(lake: LakeResource, service: GlueService) -> None:
    from spotify_assets.engines.glue_engine import work_key

    days = work(lake.store)

    assert work_key(lake.store, days) == work_key(lake.store, list(reversed(days)))
    assert work_key(lake.store, days) != work_key(lake.store, days[1:])
