"""What can go wrong around a Glue run, one test each, against answers in the shapes the Glue API has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from botocore.exceptions import ReadTimeoutError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster_pipes import decode_param

from spotify_assets.engines.glue import GlueJobResource, GlueOutcome, GlueTimedOut
from spotify_assets.engines.glue_runs import RUN_KEY, GlueRuns, LogTail
from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.clock import FakeClock
from spotify_assets_tests.scripted_aws import Answer, ScriptedClient

KEY = "run-1-abc"
STARTED: Answer = {"JobRunId": "jr_1"}
NO_RUNS: Answer = {"JobRuns": []}
NO_LOGS: Answer = "ResourceNotFoundException"


def run_is(state: str, **more: object) -> dict:
    record = {
        "Id": "jr_1",
        "JobRunState": state,
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "ExecutionTime": 90,
        "LogGroupName": "/aws-glue/spotify-assets",
    }
    return {"JobRun": {**record, **more}}


def lines(*messages: str, token: str) -> dict:
    return {"events": [{"message": message} for message in messages], "nextForwardToken": token}


@dataclass
class World:
    """A lake, a scripted AWS, and what the step did with them. `meanwhile` runs while the step sleeps."""

    store: ObjectStore
    glue: ScriptedClient
    logs: ScriptedClient
    meanwhile: list[Callable[[World], None]] = field(default_factory=list)
    outcome: GlueOutcome | None = None

    def __post_init__(self) -> None:
        self.clock = FakeClock(meanwhile=self.slept_for)

    @property
    def slept(self) -> list[float]:
        return self.clock.slept

    def slept_for(self, _: float) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)(self)

    def message_prefix(self, arguments: Mapping[str, str] | None = None) -> str:
        arguments = arguments or self.glue.requests("start_job_run")[-1]["Arguments"]
        return decode_param(arguments["--dagster-pipes-messages"])["key_prefix"]

    def send(self, number: int, *messages: tuple[str, Mapping[str, object]], prefix: str | None = None) -> None:
        """Put one chunk of messages where the run was told to put them."""
        root = self.store.url().removeprefix("file:///").rstrip("/")
        key = f"{(prefix or self.message_prefix()).removeprefix(f'{root}/')}/{number}.json"
        head = {"__dagster_pipes_version": "0.1"}
        records = [{**head, "method": method, "params": params} for method, params in messages]
        self.store.put(key, "\n".join(map(json.dumps, records)).encode())

    def execute(self, **job: Any) -> BaseException | None:
        """Run the step; what it raised."""
        found: list[BaseException] = []
        resource = GlueJobResource(job_name="spotify-assets", **job)
        resource._clock, resource._clients = self.clock, (self.glue, self.glue, self.logs)

        @dg.asset
        def step(context):
            try:
                self.outcome = resource.run(context, self.store, KEY, ARGUMENTS)
            except BaseException as error:
                found.append(error)
                raise
            yield dg.MaterializeResult(metadata=self.outcome.metadata)

        dg.materialize([step], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
        return found[0] if found else None


ARGUMENTS = {"--lake": "s3://bucket/lake"}
OPENED = ("opened", {"extras": {}})
CLOSED = ("closed", {})


def report(day: int) -> tuple[str, Mapping[str, object]]:
    return ("report_custom_message", {"payload": {"day": day}})


def all_sent(world: World) -> None:
    world.send(1, OPENED, report(1), CLOSED)


def world(
    store: ObjectStore,
    *polls: Answer,
    start: Sequence[Answer] = (STARTED,),
    history: Sequence[Answer] = (NO_RUNS,),
    logs: Sequence[Answer] = (NO_LOGS,),
    meanwhile: Sequence[Callable[[World], None]] = (all_sent,),
) -> World:
    stopped = {"SuccessfulSubmissions": [{"JobName": "spotify-assets", "JobRunId": "jr_1"}], "Errors": []}
    return World(
        store,
        ScriptedClient(
            "glue", get_job_run=polls, start_job_run=start, get_job_runs=history, batch_stop_job_run=[stopped]
        ),
        ScriptedClient("logs", get_log_events=logs),
        list(meanwhile),
    )


def was_stopped(found: World) -> bool:
    return any(request["JobRunIds"] == ["jr_1"] for request in found.glue.requests("batch_stop_job_run"))


def test_a_run_that_succeeds_shows_its_link_workers_seconds_and_cost(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), run_is("SUCCEEDED", DPUSeconds=180.0))

    assert found.execute() is None

    assert found.outcome is not None
    assert list(found.outcome.messages) == [{"day": 1}]
    shown = {name: value.value for name, value in found.outcome.metadata.items()}
    assert shown["dpu_seconds"] == 180.0
    assert shown["estimated_cost_usd"] == pytest.approx(180 / 3600 * 0.44)
    assert (shown["worker_type"], shown["number_of_workers"], shown["execution_seconds"]) == ("G.1X", 2, 90)
    assert "jr_1" in str(shown["glue_run_url"])
    assert not was_stopped(found)
    assert list(store.list("dagster-pipes/")) == []


def test_the_callers_arguments_are_copied_and_a_timeout_is_set_on_glues_side(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), run_is("SUCCEEDED"))
    found.execute(timeout_minutes=45, worker_type="G.2X", workers=5)

    (request,) = found.glue.requests("start_job_run")
    assert ARGUMENTS == {"--lake": "s3://bucket/lake"}
    assert request["Arguments"][RUN_KEY] == KEY
    assert (request["Timeout"], request["WorkerType"], request["NumberOfWorkers"]) == (45, "G.2X", 5)


def test_throttled_polls_are_waited_out(store: ObjectStore) -> None:
    found = world(store, "ThrottlingException", "ThrottlingException", run_is("RUNNING"), run_is("SUCCEEDED"))

    assert found.execute() is None

    assert found.slept[1] > found.slept[0]
    assert not was_stopped(found)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("EXPIRED", TransientError),
        ("ERROR", TransientError),
        ("FAILED", TransientError),
        ("STOPPED", PermanentError),
        ("TIMEOUT", GlueTimedOut),
    ],
)
def test_every_unhappy_end_is_an_end_and_says_so(store: ObjectStore, state: str, kind: type[PlatformError]) -> None:
    found = world(store, run_is("WAITING"), run_is(state, ErrorMessage="because"), meanwhile=[])

    error = found.execute()

    assert isinstance(error, kind)
    assert all(part in str(error) for part in (f"ended {state}: because", "console.aws.amazon.com", "jr_1"))


@pytest.mark.parametrize("sign", ["ModuleNotFoundError: No module named 'glue_scripts'", "AccessDenied: s3:PutObject"])
def test_a_failure_that_would_repeat_itself_is_not_tried_again(store: ObjectStore, sign: str) -> None:
    found = world(store, run_is("FAILED", ErrorMessage=sign), meanwhile=[])

    assert isinstance(found.execute(), PermanentError)


def test_a_failed_run_shows_the_last_lines_of_both_logs(store: ObjectStore) -> None:
    found = world(
        store,
        run_is("RUNNING"),
        run_is("FAILED", ErrorMessage="SparkException"),
        meanwhile=[],
        logs=[
            lines("reading 3 objects", token="a"),
            lines(token="a"),
            lines("Traceback: disk full", token="b"),
            lines(token="b"),
            lines(token="a"),
            lines(token="b"),
        ],
    )

    error = found.execute()

    assert "reading 3 objects\nTraceback: disk full" in str(error)


def written_to(*streams: str) -> Callable[[dict], Any]:
    """Logs where only these streams exist; each holds one line that says which it is."""

    def answer(request: dict) -> Any:
        name = request["logStreamName"]
        if name not in streams:
            return "ResourceNotFoundException"
        told = f"{request['logGroupName'].rpartition('/')[2]} of {name}"
        return lines(*([] if "nextToken" in request else [told]), token="end")

    return answer


@pytest.mark.parametrize(
    ("streams", "read"),
    [
        (("jr_1-driver",), "jr_1-driver"),  # Glue 5
        (("jr_1",), "jr_1"),  # before
        (("jr_1-driver", "jr_1"), "jr_1-driver"),
    ],
)
def test_the_drivers_log_is_found_under_the_name_that_this_glue_gives_it(
    store: ObjectStore, streams: tuple[str, ...], read: str
) -> None:
    found = world(
        store,
        run_is("RUNNING"),
        run_is("FAILED", ErrorMessage="SparkException"),
        meanwhile=[],
        logs=[written_to(*streams)],
    )

    error = str(found.execute())

    assert f"Last log lines:\noutput of {read}\nerror of {read}" in error
    for kind in ("output", "error"):
        requests = found.logs.requests("get_log_events")
        asked = [one["logStreamName"] for one in requests if one["logGroupName"].endswith(kind)]
        assert set(asked[asked.index(read) :]) == {read}, "once it has shown itself, the other is not asked for"


def test_a_run_that_ended_without_a_log_says_which_streams_there_are_not(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), run_is("FAILED", ErrorMessage="x"), meanwhile=[], logs=[written_to()])

    found.execute()

    asked = {(one["logGroupName"], one["logStreamName"]) for one in found.logs.requests("get_log_events")}
    assert asked == {
        (f"/aws-glue/spotify-assets/{kind}", stream)
        for kind in ("output", "error")
        for stream in ("jr_1-driver", "jr_1")
    }
    tail = LogTail(ScriptedClient("logs", get_log_events=[written_to()]))
    ended = GlueRuns("spotify-assets", ScriptedClient("glue", get_job_run=[run_is("FAILED")]), None, None).poll("jr_1")
    assert ended is not None
    ((stream, said),) = tail.read(ended)
    assert (stream, list(tail.read(ended))) == ("error", [])
    assert said == [
        "There is no log of the driver: neither /aws-glue/spotify-assets/output nor /error has jr_1-driver or jr_1."
    ]


def test_driver_logs_appear_while_the_run_is_running(store: ObjectStore) -> None:
    heard: list[str] = []

    def listen(found: World) -> None:
        heard.extend(request["logGroupName"] for request in found.logs.requests("get_log_events"))
        all_sent(found)

    found = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        meanwhile=[listen],
        logs=[lines("one", token="a"), lines(token="a")],
    )

    assert found.execute() is None
    assert {"/aws-glue/spotify-assets/output", "/aws-glue/spotify-assets/error"} <= set(heard)


def test_logs_that_may_not_be_read_are_said_once_and_harm_nothing(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), run_is("RUNNING"), run_is("SUCCEEDED"), logs=["AccessDeniedException"])

    assert found.execute() is None
    assert len(found.logs.requests("get_log_events")) == 2  # output and error, once each


def test_concurrent_runs_are_waited_for(store: ObjectStore) -> None:
    full = "ConcurrentRunsExceededException"
    found = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        start=[full, full, STARTED],
        meanwhile=[lambda _: None, lambda _: None, all_sent],
    )

    assert found.execute() is None

    assert found.slept[:2] == [5.0, 10.0]


def test_a_turn_that_never_comes_is_a_failure_with_a_remedy(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), start=["ConcurrentRunsExceededException"])

    error = found.execute(queue_minutes=0)

    assert isinstance(error, TransientError)
    assert "GlueMaxConcurrentRuns" in str(error)


@pytest.mark.parametrize("trouble", [ReadTimeoutError(endpoint_url="https://glue"), "ThrottlingException"])
def test_a_start_whose_answer_is_lost_is_looked_for_before_another_is_started(
    store: ObjectStore, trouble: Answer
) -> None:
    def started(_: dict) -> Mapping[str, object]:
        (request,) = found.glue.requests("start_job_run")
        return {"JobRuns": [run_is("RUNNING", Arguments=request["Arguments"])["JobRun"]]}

    found = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        start=[trouble],
        history=[NO_RUNS, started],
        meanwhile=[lambda _: None, all_sent],
    )

    assert found.execute() is None

    assert len(found.glue.requests("start_job_run")) == 1


def test_a_start_that_did_not_reach_aws_is_asked_for_again(store: ObjectStore) -> None:
    found = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        start=["ThrottlingException", STARTED],
        meanwhile=[lambda _: None, all_sent],
    )

    assert found.execute() is None

    assert len(found.glue.requests("start_job_run")) == 2


def test_a_start_is_never_sent_twice_by_the_client_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    runs = GlueJobResource(job_name="spotify-assets").runs()

    assert runs.starting.meta.config.retries["total_max_attempts"] == 1
    assert runs.glue.meta.config.retries["total_max_attempts"] > 1


def test_terminating_the_dagster_run_stops_the_glue_run(store: ObjectStore) -> None:
    def terminate(_: World) -> None:
        raise DagsterExecutionInterruptedError

    found = world(store, run_is("RUNNING"), meanwhile=[terminate])

    assert isinstance(found.execute(), DagsterExecutionInterruptedError)
    assert was_stopped(found)
    assert [key.key for key in store.list("dagster-pipes/")] == []


def test_a_stop_that_glue_refuses_does_not_hide_why_the_step_ended(store: ObjectStore) -> None:
    found = world(store, "AccessDeniedException", meanwhile=[])
    found.glue._answers["batch_stop_job_run"] = [
        {
            "SuccessfulSubmissions": [],
            "Errors": [
                {
                    "JobName": "spotify-assets",
                    "JobRunId": "jr_1",
                    "ErrorDetail": {"ErrorCode": "InvalidInputException", "ErrorMessage": "already ended"},
                }
            ],
        }
    ]

    assert "AccessDenied" in str(found.execute())


def test_a_crashed_step_takes_its_running_glue_run_up_again(store: ObjectStore) -> None:
    first = world(store, run_is("RUNNING"), meanwhile=[])
    first.clock.meanwhile = _crash
    first.glue._answers["batch_stop_job_run"] = [{"SuccessfulSubmissions": [], "Errors": []}]  # a dead process can't
    assert isinstance(first.execute(), DagsterExecutionInterruptedError)
    arguments = first.glue.requests("start_job_run")[0]["Arguments"]
    still_running = {
        "JobRuns": [
            {"Id": "jr_0", "JobRunState": "FAILED", "Arguments": arguments},
            {"Id": "jr_1", "JobRunState": "RUNNING", "Arguments": arguments},
        ]
    }
    prefix = first.message_prefix()
    second = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        history=[still_running],
        meanwhile=[lambda found: found.send(1, OPENED, report(7), CLOSED, prefix=prefix)],
    )

    assert second.execute() is None

    assert second.glue.requests("start_job_run") == []
    assert second.glue.requests("get_job_run")[0]["RunId"] == "jr_1"
    assert second.outcome is not None
    assert list(second.outcome.messages) == [{"day": 7}]


def _crash(_: float) -> None:
    raise DagsterExecutionInterruptedError


def test_a_run_of_other_work_is_not_taken_up(store: ObjectStore) -> None:
    other = {"JobRuns": [{"Id": "jr_9", "JobRunState": "RUNNING", "Arguments": {RUN_KEY: "run-1-other"}}]}
    found = world(store, run_is("RUNNING"), run_is("SUCCEEDED"), history=[other])

    assert found.execute() is None
    assert len(found.glue.requests("start_job_run")) == 1


def test_success_without_any_message_is_a_failure(store: ObjectStore) -> None:
    found = world(store, run_is("SUCCEEDED"), meanwhile=[])

    error = found.execute()

    assert isinstance(error, TransientError)
    assert "did not close its Pipes session" in str(error)


def test_success_without_the_closing_message_is_a_failure(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), run_is("SUCCEEDED"), meanwhile=[lambda w: w.send(1, OPENED, report(1))])

    assert isinstance(found.execute(), TransientError)


def test_messages_in_many_chunks_all_arrive_in_order(store: ObjectStore) -> None:
    def chunk(number: int) -> Callable[[World], None]:
        return lambda found: found.send(number + 1, report(number))

    found = world(
        store,
        *[run_is("RUNNING")] * 30,
        run_is("SUCCEEDED"),
        meanwhile=[
            lambda w: w.send(1, OPENED),
            *(chunk(number) for number in range(1, 28)),
            lambda w: w.send(29, CLOSED),
        ],
    )

    assert found.execute() is None
    assert found.outcome is not None
    assert [message["day"] for message in found.outcome.messages] == list(range(1, 28))


def test_messages_that_arrive_after_the_end_still_count(store: ObjectStore) -> None:
    found = world(
        store,
        run_is("RUNNING"),
        run_is("SUCCEEDED"),
        meanwhile=[lambda w: w.send(1, OPENED), lambda w: w.send(2, report(1)), lambda w: w.send(3, CLOSED)],
    )

    assert found.execute() is None
    assert found.outcome is not None
    assert list(found.outcome.messages) == [{"day": 1}]


def test_two_sessions_in_one_process_each_get_their_own_messages(store: ObjectStore) -> None:
    for day in (1, 2):
        found = world(
            store,
            run_is("RUNNING"),
            run_is("SUCCEEDED"),
            meanwhile=[lambda w, day=day: w.send(1, OPENED, report(day), CLOSED)],
        )
        assert found.execute() is None
        assert found.outcome is not None
        assert list(found.outcome.messages) == [{"day": day}]


def test_a_run_past_the_deadline_is_stopped(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), meanwhile=[])

    error = found.execute(timeout_minutes=1, queue_minutes=0)

    assert isinstance(error, TransientError)
    assert "has not ended within 1 minutes" in str(error)
    assert was_stopped(found)


def test_a_missing_region_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from spotify_assets.storage.aws import client

    client.cache_clear()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(PermanentError, match="AWS_REGION"):
        GlueJobResource(job_name="spotify-assets").runs()


@pytest.mark.parametrize("operation", ["get_job_runs", "start_job_run"])
def test_a_denied_start_is_permanent_and_names_the_policy(store: ObjectStore, operation: str) -> None:
    found = world(store, run_is("RUNNING"))
    found.glue._answers[operation] = ["AccessDeniedException"]

    error = found.execute()

    assert isinstance(error, PermanentError)
    assert "infra/aws.yaml" in str(error)
    assert not was_stopped(found)


def test_a_permission_lost_while_polling_stops_the_run(store: ObjectStore) -> None:
    found = world(store, run_is("RUNNING"), "AccessDeniedException")

    assert isinstance(found.execute(), PermanentError)
    assert was_stopped(found)
