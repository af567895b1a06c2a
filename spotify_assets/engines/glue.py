"""Glue job runs as a Dagster resource: one run from start to end, with its messages, logs, costs and failures.

Built on `dagster.open_pipes_session` because the stock client waits for ever on EXPIRED, leaves runs behind when
polling fails, and shows neither logs nor link of a failed run. What a run computes is its caller's business.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from pydantic import Field, PrivateAttr
from tenacity import RetryError, retry_if_result, wait_exponential, wait_fixed

from spotify_assets.engines.glue_messages import LakeContextInjector, LakeMessageReader
from spotify_assets.engines.glue_runs import ATTACHABLE, RUN_KEY, SUCCEEDED, TIMEOUT, GlueRuns, JobRun, LogTail
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.lake.layout import pipes_prefix
from spotify_assets.storage.aws import AwsNotFound, aws_failures, client
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

if TYPE_CHECKING:
    from dagster import PipesSession

    from spotify_assets.storage.object_store import ObjectStore

_MESSAGES_PARAM = "--dagster-pipes-messages"
_LATELY = dt.timedelta(days=1)  # the vacuum and the bucket's rules keep what a run left for seven
_CLOSING_SECONDS = 60.0  # how long messages may arrive after the run has ended
_LOG_LINES = 200  # of one poll in one Dagster event


@dataclass(frozen=True)
class GlueOutcome:
    """A run that succeeded: everything it reported, what it was started with, and what to show of it."""

    run: JobRun
    messages: tuple[Mapping[str, object], ...]
    arguments: Mapping[str, str]
    metadata: Mapping[str, dg.MetadataValue]


class GlueTimedOut(TransientError):
    """Glue stopped the run because it took too long: ask for less in one run."""

    def __init__(self, run: JobRun, what: str) -> None:
        super().__init__(what, remedy="give it more workers (GLUE_WORKERS), or more time (GLUE_TIMEOUT_MINUTES)")
        self.run = run


class GlueJobResource(dg.ConfigurableResource):
    """Runs of one Glue job."""

    job_name: str = Field(description="The Glue job; made by `spotify-assets glue deploy`")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's endpoints, for a test server")
    timeout_minutes: int = Field(default=120, ge=1, description="Glue stops a run after this many minutes")
    queue_minutes: int = Field(default=60, ge=0, description="How long to wait for a turn before and beside the run")
    worker_type: str | None = Field(default=None, description="Instead of the job's own")
    workers: int | None = Field(default=None, ge=2, description="Instead of the job's own number")
    usd_per_dpu_hour: float = Field(default=0.44, description="Glue's price in your region, for the estimate")

    _clock: Clock = PrivateAttr(default=SYSTEM_CLOCK)
    _clients: tuple[Any, Any, Any] | None = PrivateAttr(default=None)

    def runs(self) -> GlueRuns:
        """The job's runs. Raises PermanentError when no region is set."""
        glue, starting, logs = self._clients or (
            client("glue", self.endpoint_url),
            client("glue", self.endpoint_url, attempts=1),
            client("logs", self.endpoint_url),
        )
        return GlueRuns(self.job_name, glue, starting, logs, self._clock)

    def examine(self) -> str:
        """What the job is, in a few words. Raises AwsNotFound when it is not there."""
        try:
            with aws_failures(f"Glue job {self.job_name}"):
                job = self.runs().glue.get_job(JobName=self.job_name)["Job"]
        except AwsNotFound as error:
            raise AwsNotFound(
                f"There is no Glue job {self.job_name}",
                remedy="run `spotify-assets glue deploy`, or set GLUE_JOB_NAME",
                code=error.code,
            ) from error
        return (
            f"Glue job {self.job_name}, Glue {job.get('GlueVersion', '?')}, "
            f"{job.get('NumberOfWorkers', '?')} workers {job.get('WorkerType', '?')}"
        )

    def run(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_key: str, arguments: Mapping[str, str]
    ) -> GlueOutcome:
        """Run the job to its end and return what it reported.

        `run_key` names the work. A run that was started for it, by whomever, and goes on, or has succeeded lately
        without anybody reading what it reported, is taken up instead of starting another. Any other way out than
        success, a terminated Dagster run included, stops the Glue run. Raises GlueTimedOut, also when a run for the
        same work did so lately with no less to work with; TransientError or PermanentError with state, error, last log
        lines and console link for any other end.
        """
        runs = self.runs()
        prefix = f"{pipes_prefix(run_key)}{secrets.token_hex(4)}/"
        reader = LakeMessageReader(store, f"{prefix}messages/")
        with dg.open_pipes_session(context, LakeContextInjector(store, prefix), reader) as session:
            wanted = {**arguments, **session.get_bootstrap_cli_arguments(), RUN_KEY: run_key}
            earlier = self._earlier(context, runs, reader, run_key)
            run_id = earlier.run_id if earlier else self._start(context, runs, wanted)
            tail = runs.tail()
            with _stopped_unless_ended(context, runs, run_id):
                context.log.info(f"Glue run {run_id}: {runs.url(run_id)}")
                run = self._wait(context, runs, run_id, reader, tail)
            self._close(runs, session, reader)
            self._log(context, tail, run)
            if run.state != SUCCEEDED:
                raise _failure(run, runs.url(run_id), tail)
            reader.remove()  # read once: the next attempt at the same work does not take this run up
            if not session.message_handler.received_closed_message:
                raise TransientError(
                    f"Glue run {run_id} succeeded but did not close its Pipes session, so what it reported may be "
                    f"incomplete: nothing of it is used. {runs.url(run_id)}"
                )
            messages = tuple(session.get_custom_messages())
        metadata = self._metadata(run, runs.url(run_id))
        return GlueOutcome(run, messages, earlier.arguments if earlier else wanted, metadata)

    def _earlier(
        self,
        context: dg.AssetExecutionContext,
        runs: GlueRuns,
        reader: LakeMessageReader,
        run_key: str,
    ) -> JobRun | None:
        """A run for the same work to take up; None when one must be started. Raises GlueTimedOut."""
        from dagster_pipes import decode_param

        earlier = runs.find(run_key)
        if earlier is None or _MESSAGES_PARAM not in earlier.arguments:
            return None
        goes_on = earlier.state in ATTACHABLE
        lately = earlier.ended_at is not None and runs.clock.now() - earlier.ended_at < _LATELY
        if not goes_on and not lately:
            return None
        if earlier.state == TIMEOUT and earlier.timeout_minutes >= self.timeout_minutes:
            if (self.workers or 0) <= earlier.workers:
                raise GlueTimedOut(earlier, f"Glue run {earlier.run_id}, started for the same work, ended TIMEOUT")
            return None
        if not goes_on and earlier.state != SUCCEEDED:
            return None
        reader.follow(decode_param(earlier.arguments[_MESSAGES_PARAM]))
        if not goes_on and not reader.has_messages():
            return None  # somebody read them and made them current
        context.log.info(f"Glue run {earlier.run_id}, started for the same work, is {earlier.state}: taking it up")
        return earlier

    def _start(self, context: dg.AssetExecutionContext, runs: GlueRuns, arguments: Mapping[str, str]) -> str:
        workers: dict[str, object] = {}
        if self.worker_type:
            workers["WorkerType"] = self.worker_type
        if self.workers:
            workers["NumberOfWorkers"] = self.workers
        return runs.start(
            arguments,
            timeout_minutes=self.timeout_minutes,
            within=self.queue_minutes * 60,
            workers=workers,
            waiting=context.log.info,
        )

    def _wait(
        self, context: dg.AssetExecutionContext, runs: GlueRuns, run_id: str, reader: LakeMessageReader, tail: LogTail
    ) -> JobRun:
        """Poll until the run has ended, handing on its messages and logs. Raises TransientError at the deadline."""
        minutes, state = self.timeout_minutes + self.queue_minutes, ""

        def look() -> JobRun | None:
            nonlocal state
            run = runs.poll(run_id)
            reader.drain()
            if run is not None:
                if run.state != state:
                    context.log.info(f"Glue run {run_id} is {run.state}")
                    state = run.state
                if not run.has_ended:
                    self._log(context, tail, run)
            return run

        patient = again(
            retry_if_result(lambda run: run is None or not run.has_ended),
            wait=wait_exponential(multiplier=2.5, exp_base=1.3, max=30),
            seconds=minutes * 60,
            clock=runs.clock,
        )
        try:
            return cast("JobRun", patient(look))
        except RetryError:
            raise TransientError(
                f"Glue run {run_id} has not ended within {minutes} minutes (last state {state or 'unknown'}); it is "
                f"being stopped. {runs.url(run_id)}"
            ) from None

    def _close(self, runs: GlueRuns, session: PipesSession, reader: LakeMessageReader) -> None:
        """Read what arrives around the run's end."""
        messages, ended = session.message_handler, runs.clock.monotonic()

        def over() -> bool:
            reader.drain()
            # A session that was not even opened: the run failed before the script's first line.
            unopened = not messages.received_opened_message
            late = runs.clock.monotonic() - ended >= _CLOSING_SECONDS / 4
            return messages.received_closed_message or (unopened and late)

        with suppress(RetryError):
            again(
                retry_if_result(lambda is_over: not is_over),
                wait=wait_fixed(2.0),
                seconds=_CLOSING_SECONDS,
                clock=runs.clock,
            )(over)

    def _log(self, context: dg.AssetExecutionContext, tail: LogTail, run: JobRun) -> None:
        for stream, lines in tail.read(run):
            shown = lines[-_LOG_LINES:]
            left_out = f"({len(lines) - len(shown)} lines left out)\n" if len(lines) > len(shown) else ""
            level = context.log.info if stream == "output" else context.log.warning
            level(f"Glue {stream}:\n{left_out}" + "\n".join(shown))

    def costs(self, runs: Sequence[JobRun]) -> dict[str, dg.MetadataValue]:
        """What runs took together: seconds of execution, DPU-seconds, and US dollars by the price."""
        dpu_seconds = sum(run.dpu_seconds for run in runs)
        return {
            "glue_runs": dg.MetadataValue.int(len(runs)),
            "execution_seconds": dg.MetadataValue.int(sum(run.execution_seconds for run in runs)),
            "dpu_seconds": dg.MetadataValue.float(dpu_seconds),
            "estimated_cost_usd": dg.MetadataValue.float(round(dpu_seconds / 3600 * self.usd_per_dpu_hour, 4)),
        }

    def _metadata(self, run: JobRun, url: str) -> dict[str, dg.MetadataValue]:
        return {
            "glue_run_url": dg.MetadataValue.url(url),
            "glue_run_id": dg.MetadataValue.text(run.run_id),
            "worker_type": dg.MetadataValue.text(run.worker_type),
            "number_of_workers": dg.MetadataValue.int(run.workers),
            **self.costs([run]),
        }


@contextmanager
def _stopped_unless_ended(context: dg.AssetExecutionContext, runs: GlueRuns, run_id: str) -> Iterator[None]:
    """Stop the Glue run when the block is left by an exception: a terminated Dagster run, a lost permission."""
    try:
        yield
    except BaseException:
        problem = runs.stop(run_id)
        if problem is None:
            context.log.warning(f"Glue run {run_id} was asked to stop")
        else:
            context.log.error(f"Glue run {run_id} could not be stopped: {problem}. Stop it at {runs.url(run_id)}")
        raise


_WOULD_FAIL_AGAIN = re.compile(
    r"AnalysisException|ParseException|ImportError|ModuleNotFoundError|SyntaxError|AccessDenied|ManifestError"
)
"""Exceptions and AWS codes that mean that another run of the same script would only cost another run."""


def _failure(run: JobRun, url: str, tail: LogTail) -> PermanentError | TransientError:
    """The failure that fits how the run ended."""
    said = f": {run.error}" if run.error else ""
    lines = "\n".join(tail.last)
    text = f"Glue run {run.run_id} ended {run.state}{said}\n{url}" + (f"\nLast log lines:\n{lines}" if lines else "")
    if run.state == TIMEOUT:
        return GlueTimedOut(run, text)
    if run.state == "STOPPED":
        return PermanentError(f"{text}\nSomebody stopped it", remedy="launch the step again when it is wanted")
    if run.state == "FAILED" and _WOULD_FAIL_AGAIN.search(f"{run.error}\n{lines}"):
        return PermanentError(text)
    return TransientError(text)
