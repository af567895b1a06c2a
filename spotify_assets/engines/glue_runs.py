"""Runs of a Glue job as AWS shows them: find, start, poll, tail, stop. No Dagster here, and no lake.

States, arguments and limits are those of the Glue API reference
(JobRun, StartJobRun, BatchStopJobRun) and of "AWS Glue job parameters"; driver logs go to the stream named like the
run in `<log group>/output` and `<log group>/error`.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenacity import RetryCallState, retry_if_exception_type, wait_exponential

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.storage.aws import AwsNotFound, AwsThrottled, aws_failures
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

RUN_KEY = "--run-key"
"""The argument by which whoever does the same work again finds the run that was started for it."""

SUCCEEDED = "SUCCEEDED"
TIMEOUT = "TIMEOUT"
ENDED = frozenset({SUCCEEDED, "FAILED", "STOPPED", TIMEOUT, "ERROR", "EXPIRED"})
ATTACHABLE = frozenset({"STARTING", "RUNNING", "WAITING"})
_PAGES_OF_HISTORY = 5  # of 200 runs: a run that could still be running is never further back

_DPU = {
    "G.025X": 0.25,
    "Standard": 1.0,
    **{f"{family}.{size}X": float(size) for family in "GR" for size in (1, 2, 4, 8, 12, 16)},
}
"""DPU of a worker, from "AWS Glue worker types"; those of the memory-optimized R family have a price of their own."""


@dataclass(frozen=True)
class JobRun:
    """One answer of GetJobRun; seconds as Glue counts them."""

    run_id: str
    state: str
    error: str
    arguments: Mapping[str, str]
    log_group: str
    worker_type: str
    workers: int
    execution_seconds: int
    reported_dpu_seconds: float | None
    timeout_minutes: int
    ended_at: dt.datetime | None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def dpu_seconds(self) -> float:
        """What is billed: as Glue reports it (auto scaling, FLEX), else workers times their DPU times seconds."""
        if self.reported_dpu_seconds is not None:
            return self.reported_dpu_seconds
        return self.workers * _DPU.get(self.worker_type, 1.0) * self.execution_seconds


@dataclass
class GlueRuns:
    """The runs of one job, through boto3's `glue` and `logs` clients.

    `starting` is a `glue` client that never asks twice by itself: StartJobRun knows no token that would keep a second
    request, after a lost answer, from starting a second run.
    """

    job_name: str
    glue: Any
    starting: Any
    logs: Any
    clock: Clock = SYSTEM_CLOCK

    def find(self, run_key: str) -> JobRun | None:
        """The run that was started with `run_key`: one that has not ended, else the newest; None when there is none."""
        newest: JobRun | None = None
        token: dict[str, str] = {}
        for _ in range(_PAGES_OF_HISTORY):
            with aws_failures(f"Runs of Glue job {self.job_name}"):
                answer = self.glue.get_job_runs(JobName=self.job_name, MaxResults=200, **token)
            for record in answer.get("JobRuns", ()):
                if record.get("Arguments", {}).get(RUN_KEY) == run_key:
                    if record["JobRunState"] in ATTACHABLE:
                        return _job_run(record)
                    newest = newest or _job_run(record)
            if not answer.get("NextToken"):
                break
            token = {"NextToken": answer["NextToken"]}
        return newest

    def start(
        self,
        arguments: Mapping[str, str],
        *,
        timeout_minutes: int,
        within: float,
        workers: Mapping[str, object] | None = None,
        waiting: Callable[[str], None] = lambda why: None,
    ) -> str:
        """Start a run and return its id, waiting up to `within` seconds while the job is at its limit or AWS troubled.

        `arguments` hold RUN_KEY, by which a run whose start was not answered is found. `timeout_minutes` is Glue's own
        limit; `workers` may hold WorkerType and NumberOfWorkers. `waiting` is told why it will wait, and how long.
        Raises TransientError when the time is over, PermanentError when asking again can't help.
        """
        unanswered = False

        def once() -> str:
            nonlocal unanswered
            if unanswered and (running := self.find(arguments[RUN_KEY])) and running.state in ATTACHABLE:
                return running.run_id
            unanswered = True
            try:
                with aws_failures(f"Glue job {self.job_name}"):
                    return self.starting.start_job_run(
                        JobName=self.job_name, Arguments=dict(arguments), Timeout=timeout_minutes, **(workers or {})
                    )["JobRunId"]
            except AwsThrottled as error:
                unanswered = error.code not in _AT_LIMIT
                raise

        def said(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            waiting(f"{error} Asking again in {state.upcoming_sleep:.0f} s.")

        patient = again(
            retry_if_exception_type(TransientError),
            wait=wait_exponential(multiplier=5, max=60),
            seconds=within,
            clock=self.clock,
            before_sleep=said,
        )
        try:
            return patient(once)
        except AwsThrottled as error:
            if error.code not in _AT_LIMIT:
                raise
            raise AwsThrottled(
                f"Glue job {self.job_name} is at its limit of concurrent runs and no turn came",
                remedy="raise GlueMaxConcurrentRuns of infra/aws.yaml, or lower the limit of the pool 'glue'",
                code=error.code,
            ) from error

    def poll(self, run_id: str) -> JobRun | None:
        """The run now, or None when AWS would not answer this once (throttled, a lost connection)."""
        try:
            with aws_failures(f"Glue run {run_id}"):
                return _job_run(self.glue.get_job_run(JobName=self.job_name, RunId=run_id)["JobRun"])
        except TransientError:
            return None

    def stop(self, run_id: str) -> str | None:
        """Ask Glue to stop the run. None when it will; else why not."""
        try:
            with aws_failures(f"Stopping Glue run {run_id}"):
                answer = self.glue.batch_stop_job_run(JobName=self.job_name, JobRunIds=[run_id])
        except (PermanentError, TransientError) as error:
            return str(error)
        for refused in answer.get("Errors", ()):
            return refused.get("ErrorDetail", {}).get("ErrorMessage", "Glue gave no reason")
        return None

    def url(self, run_id: str) -> str:
        """The run in the AWS console."""
        region = self.glue.meta.region_name
        return (
            f"https://{region}.console.aws.amazon.com/gluestudio/home?region={region}#/job/{self.job_name}/run/{run_id}"
        )

    def tail(self) -> LogTail:
        """A tail of one run's driver logs."""
        return LogTail(self.logs)


_AT_LIMIT = frozenset({"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"})
"""Nothing was started: the job or the account has as many runs as it may."""


@dataclass
class LogTail:
    """Reads what is new in a run's driver logs, standard output and error, and remembers the last lines of both.

    Glue 5 calls the driver's stream `<run>-driver`, older versions `<run>`; which of them there is shows itself.
    """

    logs: Any
    last: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    _streams: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _silenced: set[str] = field(default_factory=set)

    def read(self, run: JobRun) -> Iterator[tuple[str, list[str]]]:
        """(`output` or `error`, its new lines) where there are any.

        A log that can't be read, and logs that are not there when the run has ended, are said once.
        """
        for kind in ("output", "error"):
            if kind in self._silenced:
                continue
            try:
                lines = self._new_lines(f"{run.log_group}/{kind}", run.run_id)
            except TransientError:
                continue
            except PermanentError as error:
                self._silenced.add(kind)
                lines = [str(error)]
            if lines:
                self.last.extend(lines)
                yield kind, lines
        if run.has_ended and not self._streams and not self._silenced:
            self._silenced |= {"output", "error"}
            names = " or ".join(name.format(run=run.run_id) for name in _DRIVER_STREAMS)
            yield "error", [f"There is no log of the driver: neither {run.log_group}/output nor /error has {names}."]

    def _new_lines(self, group: str, run_id: str) -> list[str]:
        known = self._streams.get(group)
        for name in [known] if known else [name.format(run=run_id) for name in _DRIVER_STREAMS]:
            try:
                lines = self._following(group, name)
            except AwsNotFound:
                continue  # the run has written nothing yet, or calls its stream otherwise
            self._streams[group] = name
            return lines
        return []

    def _following(self, group: str, stream: str) -> list[str]:
        lines: list[str] = []
        while True:
            token = {"nextToken": self._tokens[group]} if group in self._tokens else {}
            with aws_failures(f"Logs {group}"):
                answer = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
            for event in answer.get("events", ()):
                lines.extend(line for line in event.get("message", "").splitlines() if line.strip())
            following = answer.get("nextForwardToken")
            if not following or following == self._tokens.get(group):
                return lines  # the same token again is CloudWatch's way of saying that this was all
            self._tokens[group] = following


_DRIVER_STREAMS = ("{run}-driver", "{run}")
"""From "Logging for AWS Glue jobs": what the driver's log stream is called, newest version first."""


def _job_run(record: Mapping[str, Any]) -> JobRun:
    arguments = record.get("Arguments", {})
    return JobRun(
        run_id=record["Id"],
        state=record["JobRunState"],
        error=record.get("ErrorMessage", "") or record.get("StateDetail", ""),
        arguments=arguments,
        log_group=record.get("LogGroupName") or arguments.get("--custom-logGroup-prefix") or "/aws-glue/jobs",
        worker_type=record.get("WorkerType", ""),
        workers=record.get("NumberOfWorkers", 0),
        execution_seconds=record.get("ExecutionTime", 0),
        reported_dpu_seconds=record.get("DPUSeconds"),
        timeout_minutes=record.get("Timeout", 0),
        ended_at=record.get("CompletedOn"),
    )
