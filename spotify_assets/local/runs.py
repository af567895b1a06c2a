"""Running jobs of this code location in this process, for the command line: through Dagster, recorded like any run.

Which dates to run belongs to the caller; what a job does belongs to the definitions.
"""

from __future__ import annotations

import datetime as dt
import gc
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from spotify_assets.assets.verdicts import told
from spotify_assets.definitions import build_defs, following_the_archive, knowingly
from spotify_assets.failures import PermanentError
from spotify_assets.local.execution import execute
from spotify_assets.local.instance import local_instance
from spotify_assets.names import EXTRACT
from spotify_assets.settings import Settings

_CHECK_BLOCKED = "DagsterAssetCheckFailedError"
"""What Dagster raises in a step whose blocking check failed: the check's name, and not what it found."""


class Watcher(Protocol):
    """Who looks on while a run runs."""

    def step(self, name: str) -> None:
        """The step called `name` has succeeded."""

    def keep(self, text: str) -> None:
        """A step warns of something: what it waits for, what it leaves out."""


class RunFailed(PermanentError):
    """A run failed; the message has one line per failed step or check, with its cause."""


@dataclass(frozen=True)
class Line:
    """The whole line of one deployment in this process: its definitions and the Dagster instance that records runs."""

    defs: dg.Definitions
    instance: dg.DagsterInstance
    settings: Settings
    load: Callable[[], dg.Definitions]
    start: dt.date
    watcher: Watcher | None = None

    def following_the_archive(self) -> Line:
        """The line as it is now that the lake may hold older dates than when it was opened."""
        start = following_the_archive(self.settings).partitions_start
        return self if start == self.start else replace(self, defs=self.load(), start=start)

    def run(
        self,
        job: str,
        days: tuple[dt.date, dt.date] | None = None,
        *,
        config: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run `job`, for the inclusive range `days` when it is partitioned. Raises RunFailed."""
        first_last = (
            {}
            if days is None
            else {
                "dagster/asset_partition_range_start": days[0].isoformat(),
                "dagster/asset_partition_range_end": days[1].isoformat(),
            }
        )
        result = execute(
            self.defs.resolve_job_def(job),
            self.instance,
            run_config={"ops": dict(config or {}), "loggers": {"console": {}}},
            tags={**first_last, **(tags or {})},
        )
        if self.watcher is not None and job != EXTRACT:  # whose own report says it
            for warning in _check_warnings(result):
                self.watcher.keep(warning)
        causes = [*_step_failures(result), *_check_failures(result)]
        if not result.success or causes:
            shown = "\n".join(f"  {cause}" for cause in causes) or "  no step said why"
            raise RunFailed(f"Run {result.run_id} of job {job} failed:\n{shown}\nSee it in the UI with `make dev`.")
        return result


@contextmanager
def open_line(settings: Settings, watcher: Watcher | None = None, *, apart: bool = False) -> Iterator[Line]:
    """The line for `settings`; `watcher` hears what goes on in its runs.

    `apart` records in the home's own instance, whatever DAGSTER_HOME says.
    """
    load = partial(build_defs, settings, loggers={"console": _step_logger(watcher)})
    # The home first: one that can't be used is told at once. Runs copy their job, which would speak of what is beta.
    with local_instance(settings, apart=apart) as instance, knowingly(), _garbage_left():
        start = following_the_archive(settings).partitions_start
        yield Line(load(), instance, settings, load, start, watcher)


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Seldom look for circles among the objects, of which most live as long as the process: after years of history it
    was a sixth of a day's build."""
    usual = gc.get_threshold()
    gc.set_threshold(10_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _step_logger(watcher: Watcher | None) -> dg.LoggerDefinition:
    """In place of Dagster's console log: passes on the steps that succeeded and what steps warn of, and no more."""

    class Steps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            meta = getattr(record, "dagster_meta", None) or {}
            event = meta.get("dagster_event")
            if watcher is None:
                return
            if event is None and record.levelno == logging.WARNING:
                watcher.keep(meta.get("orig_message") or record.getMessage())
            elif event is not None and event.event_type_value == "STEP_SUCCESS":
                watcher.step(event.step_key)

    @dg.logger
    def steps(_init: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("spotify_assets.steps", logging.DEBUG)  # noqa: LOG001 - nobody else gets this one
        logger.addHandler(Steps())
        return logger

    return steps


def _step_failures(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    causes = []
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.error is not None and failure.error.cls_name == _CHECK_BLOCKED:
                continue  # the check says better why
            said = failure.user_failure_data.description if failure.user_failure_data else None
            causes.append(f"{event.step_key}: {said or _root_cause(failure.error)}")
    return causes


def _root_cause(error: SerializableErrorInfo | None) -> str:
    """What was raised first: Dagster wraps it in errors of its own."""
    while error is not None and error.cause is not None:
        error = error.cause
    said = error.message.strip() if error else "unknown cause"
    return re.sub(r"^dagster[\w.]*: ", "", said)


def _check_failures(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    failed = [
        f"{evaluation.asset_key.to_user_string()}: check {evaluation.check_name} failed"
        f"{f' on {evaluation.partition}' if evaluation.partition else ''}: {told(evaluation)}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]
    return [*dict.fromkeys(failed)]


def _check_warnings(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    """What checks warn of: a line for each that does, with the first of its dates."""
    warned: dict[tuple[str, str], list[dg.AssetCheckEvaluation]] = {}
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN:
            of = evaluation.asset_key.to_user_string(), evaluation.check_name
            warned.setdefault(of, []).append(evaluation)
    return [
        f"{asset}: check {check} warns"
        f"{f' on {each[0].partition}' if each[0].partition else ''}"
        f"{f' and {len(each) - 1} more dates' if len(each) > 1 else ''}: {told(each[0])}"
        for (asset, check), each in warned.items()
    ]
