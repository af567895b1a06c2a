"""How a run's steps are executed: Dagster's own executors, in which an interrupt ends the run as CANCELED.

Dagster 1.13 records an interrupt nobody asked for in the UI (a pod's SIGTERM, Ctrl-C) as a failure, which alerts people
and which the daemon repeats beside the sensors (`execution/api.py`, `job_execution_iterator`). Whatever was interrupted
can simply be done again: the sensors ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import dagster as dg

from spotify_assets.settings import Settings

PRELOADED = "spotify_assets.definitions"
"""What a step's process would else import for itself, for seconds."""


class Cancelling(dg.Executor):
    """`inner`, and a run that is interrupted counts as being canceled, whoever sent the signal."""

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> Any:
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        try:
            yield from self._inner.execute(plan_context, execution_plan)
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            run = plan_context.instance.get_run_by_id(plan_context.run_id)
            if run is not None and run.status == dg.DagsterRunStatus.STARTED:
                plan_context.instance.report_run_canceling(run, "The run's process was told to stop.")
            raise


def cancelling(executor: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """The same executor, with the same name and configuration, wrapped in `Cancelling`."""
    create = executor.executor_creation_fn
    assert create is not None, executor.name

    @dg.executor(
        name=executor.name,
        config_schema=cast(Any, executor.config_schema),
        requirements=list(executor.get_requirements({})),
    )
    def wrapped(context: dg.InitExecutorContext) -> dg.Executor:
        return Cancelling(create(context))

    return wrapped


IN_PROCESS = cancelling(dg.in_process_executor)
"""Every step in the run's own process: a process per step would import the warehouse thirty times over."""

_SIDE_BY_SIDE = cancelling(dg.multiprocess_executor)


def executor_for(settings: Settings) -> dg.ExecutorDefinition:
    """How the runs of this deployment execute their steps.

    In process, unless STEPS_AT_ONCE says that several may run side by side: then each in a process, forked from one
    that has the definitions loaded already. The embedded warehouse has one writer, so it is always in process there.
    """
    if settings.steps_at_once == 1 or settings.warehouse_name == "embedded":
        return IN_PROCESS
    return _SIDE_BY_SIDE.configured(
        {
            "max_concurrent": settings.steps_at_once,
            "start_method": {"forkserver": {"preload_modules": [PRELOADED]}},
        },
        name=_SIDE_BY_SIDE.name,
    )
