"""Glue job runs as a Dagster resource: one run from start to end, with its messages, logs, costs and failures.

Built on `dagster.open_pipes_session` because the stock client waits for ever on EXPIRED, leaves runs behind when
polling fails, and shows neither logs nor link of a failed run. What a run computes is its caller's business.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from spotify_assets.engines.glue_messages import LakeContextInjector, LakeMessageReader
from spotify_assets.engines.glue_runs import RUN_KEY, SUCCEEDED, GlueRuns, JobRun, LogTail
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.lake.layout import pipes_prefix
from spotify_assets.storage.aws import aws_failures, client

if TYPE_CHECKING:
    from dagster._core.pipes.context import PipesSession

    from spotify_assets.storage.object_store import ObjectStore

_MESSAGES_PARAM = "--dagster-pipes-messages"
_CLOSING_SECONDS = 60.0  # how long messages may arrive after the run has ended
_LOG_LINES = 200  # of one poll in one Dagster event


@dataclass(frozen=True)
class GlueOutcome:
    """A run that succeeded: everything it reported, and what to show of it."""

    messages: tuple[Mapping[str, object], ...]
    metadata: Mapping[str, dg.MetadataValue]


class GlueJobResource(dg.ConfigurableResource):
    """Runs of one Glue job."""

    job_name: str = Field(description="The Glue job; made by `spotify-assets glue deploy`")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's endpoints, for a test server")
    timeout_minutes: int = Field(default=120, ge=1, description="Glue stops a run after this many minutes")
    queue_minutes: int = Field(default=60, ge=0, description="How long to wait for a turn before and beside the run")
    worker_type: str | None = Field(default=None, description="Instead of the job's own")
    workers: int | None = Field(default=None, ge=2, description="Instead of the job's own number")
    usd_per_dpu_hour: float = Field(default=0.44, description="Glue's price in your region, for the estimate")

    _sleep: Callable[[float], None] = PrivateAttr(default=time.sleep)
    _now: Callable[[], float] = PrivateAttr(default=time.monotonic)
    _clients: tuple[Any, Any, Any] | None = PrivateAttr(default=None)

    def runs(self) -> GlueRuns:
        """The job's runs. Raises PermanentError when no region is set."""
        glue, starting, logs = self._clients or (
            client("glue", self.endpoint_url),
            client("glue", self.endpoint_url, attempts=1),
            client("logs", self.endpoint_url),
        )
        return GlueRuns(self.job_name, glue, starting, logs, sleep=self._sleep, now=self._now)

    def examine(self) -> str:
        """What the job is, in a few words. Raises PermanentError when it is not there."""
        from spotify_assets.storage.aws import error_code

        glue = self.runs().glue
        try:
            with aws_failures(f"Glue job {self.job_name}"):
                job = glue.get_job(JobName=self.job_name)["Job"]
        except PermanentError as error:
            if error.__cause__ and error_code(error.__cause__) == "EntityNotFoundException":  # pyright: ignore[reportArgumentType]
                raise PermanentError(
                    f"There is no Glue job {self.job_name}: run `spotify-assets glue deploy`, or set GLUE_JOB_NAME."
                ) from error
            raise
        return (
            f"Glue job {self.job_name}, Glue {job.get('GlueVersion', '?')}, "
            f"{job.get('NumberOfWorkers', '?')} workers {job.get('WorkerType', '?')}"
        )

    def run(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_key: str, arguments: Mapping[str, str]
    ) -> GlueOutcome:
        """Run the job to its end and return what it reported.

        A run that was started with the same `run_key` and has not ended is taken up instead of starting another. Any
        other way out than success, a terminated Dagster run included, stops the Glue run. Raises TransientError or
        PermanentError with state, error, last log lines and console link.
        """
        runs = self.runs()
        prefix = f"{pipes_prefix(run_key)}{secrets.token_hex(4)}/"
        reader = LakeMessageReader(store, f"{prefix}messages/")
        with dg.open_pipes_session(context, LakeContextInjector(store, prefix), reader) as session:
            run_id = self._attach(context, runs, reader, run_key) or self._start(
                context, runs, {**arguments, **session.get_bootstrap_cli_arguments(), RUN_KEY: run_key}
            )
            tail = runs.tail()
            with _stopped_unless_ended(context, runs, run_id):
                context.log.info(f"Glue run {run_id}: {runs.url(run_id)}")
                run = self._wait(context, runs, run_id, reader, tail)
            self._close(runs, session, reader)
            self._log(context, tail, run)
            if run.state != SUCCEEDED:
                raise _failure(run, runs.url(run_id), tail)
            if not session.message_handler.received_closed_message:
                raise TransientError(
                    f"Glue run {run_id} succeeded but did not close its Pipes session, so what it reported may be "
                    f"incomplete: nothing of it is used. {runs.url(run_id)}"
                )
            messages = tuple(session.get_custom_messages())
            reader.remove()
        return GlueOutcome(messages, self._metadata(run, runs.url(run_id)))

    def _attach(
        self, context: dg.AssetExecutionContext, runs: GlueRuns, reader: LakeMessageReader, run_key: str
    ) -> str | None:
        from dagster_pipes import decode_param

        found = runs.find(run_key)
        if found is None or _MESSAGES_PARAM not in found.arguments:
            return None
        reader.follow(decode_param(found.arguments[_MESSAGES_PARAM]))
        context.log.info(f"Glue run {found.run_id}, started by an earlier attempt, is {found.state}: taking it up")
        return found.run_id

    def _start(self, context: dg.AssetExecutionContext, runs: GlueRuns, arguments: Mapping[str, str]) -> str:
        workers: dict[str, object] = {}
        if self.worker_type:
            workers["WorkerType"] = self.worker_type
        if self.workers:
            workers["NumberOfWorkers"] = self.workers
        return runs.start(
            arguments,
            timeout_minutes=self.timeout_minutes,
            until=runs.now() + self.queue_minutes * 60,
            workers=workers,
            waiting=context.log.info,
        )

    def _wait(
        self, context: dg.AssetExecutionContext, runs: GlueRuns, run_id: str, reader: LakeMessageReader, tail: LogTail
    ) -> JobRun:
        """Poll until the run has ended, handing on its messages and logs. Raises TransientError at the deadline."""
        deadline = runs.now() + (self.timeout_minutes + self.queue_minutes) * 60
        delay, state = 2.0, ""
        while True:
            run = runs.poll(run_id)
            reader.drain()
            if run is not None:
                if run.state != state:
                    context.log.info(f"Glue run {run_id} is {run.state}")
                    state = run.state
                if run.has_ended:
                    return run
                self._log(context, tail, run)
            delay = min(30.0, delay * (1.3 if run is not None else 2.0))
            if runs.now() + delay > deadline:
                raise TransientError(
                    f"Glue run {run_id} has not ended within {self.timeout_minutes + self.queue_minutes} minutes "
                    f"(last state {state or 'unknown'}); it is being stopped. {runs.url(run_id)}"
                )
            runs.sleep(delay)

    def _close(self, runs: GlueRuns, session: PipesSession, reader: LakeMessageReader) -> None:
        """Read what arrives around the run's end."""
        waited = 0.0
        reader.drain()
        while not session.message_handler.received_closed_message and waited < _CLOSING_SECONDS:
            if not session.message_handler.received_opened_message and waited >= _CLOSING_SECONDS / 4:
                return  # it never opened one: a failure before the script's first line
            runs.sleep(2.0)
            waited += 2.0
            reader.drain()

    def _log(self, context: dg.AssetExecutionContext, tail: LogTail, run: JobRun) -> None:
        for stream, lines in tail.read(run):
            shown = lines[-_LOG_LINES:]
            left_out = f"({len(lines) - len(shown)} lines left out)\n" if len(lines) > len(shown) else ""
            level = context.log.info if stream == "output" else context.log.warning
            level(f"Glue {stream}:\n{left_out}" + "\n".join(shown))

    def _metadata(self, run: JobRun, url: str) -> dict[str, dg.MetadataValue]:
        return {
            "glue_run_url": dg.MetadataValue.url(url),
            "glue_run_id": dg.MetadataValue.text(run.run_id),
            "worker_type": dg.MetadataValue.text(run.worker_type),
            "number_of_workers": dg.MetadataValue.int(run.workers),
            "execution_seconds": dg.MetadataValue.int(run.execution_seconds),
            "dpu_seconds": dg.MetadataValue.float(run.dpu_seconds),
            "estimated_cost_usd": dg.MetadataValue.float(round(run.dpu_seconds / 3600 * self.usd_per_dpu_hour, 4)),
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
    r"AnalysisException|ParseException|ImportError|ModuleNotFoundError|SyntaxError|AccessDenied|not a manifest"
)
"""Signs that another run of the same script would only cost another run."""


def _failure(run: JobRun, url: str, tail: LogTail) -> PermanentError | TransientError:
    """The failure that fits how the run ended."""
    said = f": {run.error}" if run.error else ""
    lines = "\n".join(tail.last)
    text = f"Glue run {run.run_id} ended {run.state}{said}\n{url}" + (f"\nLast log lines:\n{lines}" if lines else "")
    if run.state == "TIMEOUT":
        return PermanentError(f"{text}\nGive it more workers (GLUE_WORKERS), or more time (GLUE_TIMEOUT_MINUTES).")
    if run.state == "STOPPED":
        return PermanentError(f"{text}\nSomebody stopped it; launch the step again when it is wanted.")
    if run.state == "FAILED" and _WOULD_FAIL_AGAIN.search(f"{run.error}\n{lines}"):
        return PermanentError(text)
    return TransientError(text)
