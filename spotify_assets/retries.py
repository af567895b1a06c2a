"""How our failures speak to Dagster: to the retries of a step, to those of a whole run, and to the sensors.

Every asset, check and op carries `@retried`, and no `retry_policy`: Dagster 1.13 gives a step that has one another try
also when it was interrupted ("respect retry policy when interrupts occur", `execution/plan/utils.py`), so that a
terminated run would go on. What is permanent and what transient is decided where it is raised
(`spotify_assets.failures`); what was raised by somebody else is classified here.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

import dagster as dg

from spotify_assets.failures import DeploymentError, PlatformError, TransientError
from spotify_assets.waiting import SYSTEM_CLOCK, Clock

PAUSES = (20.0, 60.0, 140.0)
"""Seconds before the second, third and fourth try of a step; each is varied by a fifth, so that steps part."""

CLOCK: Clock = SYSTEM_CLOCK
"""What the pauses are waited on; tests replace it."""

WORTH_WAITING = dt.timedelta(minutes=5)
"""A failure that can't pass sooner than this is not retried by the step: a later run resumes."""

FAILURE_TAG = "spotify_assets/failure"
"""`permanent` on a run that failed for good: the sensors that plan runs don't ask for the same again. `transient` on
one whose cause passes by itself, `deployment` on one that lacked what no date is to blame for (a permission, Spark):
they ask for the same again, ever more slowly, for as long as it lasts."""

RETRY_AT_TAG = "spotify_assets/retry_at"
"""When a transient failure can pass at the earliest (ISO, UTC), where that is known."""

NO_RUN_RETRY_TAGS = {"dagster/retry_on_asset_or_op_failure": "false"}
"""The daemon shall not repeat a run for a step's outcome that is known; it still repeats one whose process died.

Re-executions inherit this tag, and it is what every job of ours says anyway.
"""

_PASSING_ERRNOS = frozenset({"ECONNRESET", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT", "EAGAIN"})
_PASSING = frozenset(
    {
        ("requests", "ConnectionError"),
        ("requests", "Timeout"),
        ("urllib3", "HTTPError"),
        ("botocore", "HTTPClientError"),
        ("botocore", "ConnectionError"),
        ("snowflake", "OperationalError"),
    }
)
"""Package and class of other people's exceptions that mean a network or a service which may come back."""

_interrupts: list[int] = []
"""Signals heard inside the step that runs now."""

_Context = dg.AssetExecutionContext | dg.OpExecutionContext
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def retried(work: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorates the function of an asset, check or op: what it raises decides whether Dagster tries it again.

    Transient failures are tried again up to `len(PAUSES)` times, permanent and unknown ones never, and an interrupt
    ends the run. Called outside a run, the function is as it was.
    """
    if inspect.isgeneratorfunction(work):

        @functools.wraps(work)
        def steps(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Iterator[object]:
            results = cast("Iterator[object]", work(*args, **kwargs))
            while True:
                with _spoken():
                    try:
                        result = next(results)
                    except StopIteration:
                        return
                yield result

        wrapped: Callable[..., Any] = steps
    else:

        @functools.wraps(work)
        def step(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            with _spoken():
                return work(*args, **kwargs)

        wrapped = step
    wrapped.__dict__["speaks_to_dagster"] = True
    return cast("Callable[_Parameters, _Result]", wrapped)


@contextmanager
def _spoken() -> Iterator[None]:
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        yield
        return
    with speak_to_dagster(context):
        yield


@contextmanager
def speak_to_dagster(context: _Context, metadata: Mapping[str, dg.MetadataValue] | None = None) -> Iterator[None]:
    """What `retried` does, for a part of a step whose failure shows `metadata`.

    A permanent failure, and a transient one that can't pass within minutes (a cool-down), also tells the daemon not to
    start the run again for an outcome that is known.
    """
    try:
        with interrupts_win():
            yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        known = classified(error)
        if known is None:
            raise
        if isinstance(known, TransientError):
            _raise_transient(context, known, metadata)
        context.instance.add_run_tags(
            context.run_id,
            {
                **NO_RUN_RETRY_TAGS,
                FAILURE_TAG: owned("deployment" if isinstance(known, DeploymentError) else "permanent", context.run_id),
            },
        )
        raise dg.Failure(str(known), metadata={**(metadata or {}), **facts(known)}, allow_retries=False) from error


def _raise_transient(context: _Context, error: TransientError, metadata: Mapping[str, dg.MetadataValue] | None) -> None:
    shown = {**(metadata or {}), **facts(error)}
    tags: dict[str, str] = {}
    later = error.retry_at is not None and error.retry_at - CLOCK.now() > WORTH_WAITING
    if error.retry_at:
        tags[RETRY_AT_TAG] = owned(error.retry_at.isoformat(), context.run_id)
        shown["retry_at"] = dg.MetadataValue.timestamp(error.retry_at)
    if later:
        tags |= NO_RUN_RETRY_TAGS
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and failure_kind(run) not in ("permanent", "deployment"):
        tags[FAILURE_TAG] = owned("transient", context.run_id)
    context.instance.add_run_tags(context.run_id, tags)
    failure = dg.Failure(str(error), metadata=shown, allow_retries=False)
    tries = context.retry_number
    if later or tries >= len(PAUSES):
        raise failure from error
    failure.__cause__ = error
    # Waited for here and not by Dagster: its own pause between two tries of a step can't be interrupted.
    pause = PAUSES[tries] * random.uniform(0.8, 1.2)
    context.log.warning(f"{error} Trying again in {pause:.0f} s (try {tries + 2} of {len(PAUSES) + 1}).")
    with interrupts_win():
        CLOCK.sleep(pause)
    raise dg.RetryRequested(max_retries=len(PAUSES), seconds_to_wait=0) from failure


def facts(error: PlatformError) -> dict[str, dg.MetadataValue]:
    """What a failure carries, as metadata of the step's failure: `what`, and `remedy` and `code` where it has any."""
    carried = {"what": error.what, "remedy": error.remedy, "code": error.code}
    return {name: dg.MetadataValue.text(text) for name, text in carried.items() if text}


def fact(failure: dg.DagsterEvent, name: str) -> str:
    """A fact of a failed step, by its name in `facts`; empty where it has none, or failed in a way nobody foresaw."""
    data = failure.step_failure_data.user_failure_data
    value = data.metadata.get(name) if data else None
    return str(value.value) if value is not None else ""


def classified(error: Exception) -> PlatformError | None:
    """`error` as one of ours; None for one that nobody foresaw, which is a fault of the program and not retried."""
    if isinstance(error, PlatformError):
        return error
    passing = isinstance(error, ConnectionError | TimeoutError)
    if isinstance(error, OSError) and error.errno is not None:
        import errno

        passing = passing or errno.errorcode.get(error.errno, "") in _PASSING_ERRNOS
    classes = {(known.__module__.partition(".")[0], known.__name__) for known in type(error).__mro__}
    if passing or classes & _PASSING:
        return TransientError(f"{type(error).__name__}: {error}")
    return None


@contextmanager
def interrupts_win() -> Iterator[None]:
    """Dagster's interrupt leaves this block as an interrupt, whatever swallowed it inside.

    DuckDB turns what a signal handler raises into `RuntimeError("Query interrupted")` without a cause, and others may
    turn that into something else again. So the signal is remembered, not recognised by an error's text. Only the main
    thread hears signals; elsewhere this does nothing.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    received = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = True
        _interrupts.append(number)
        handler(number, frame)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Exception as error:
        if received:
            raise dg.DagsterExecutionInterruptedError from error
        raise
    else:
        if received:
            raise dg.DagsterExecutionInterruptedError
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
        _interrupts.clear()


def raise_if_interrupted() -> None:
    """For whoever goes on after an exception: raises the interrupt that the exception may have hidden."""
    if _interrupts:
        raise dg.DagsterExecutionInterruptedError


def owned(value: str, run_id: str) -> str:
    """A tag's value that says which run it is about: re-executions inherit the tags of their parent."""
    return f"{value}@{run_id}"


def own_tag(run: dg.DagsterRun, tag: str) -> str | None:
    """What `owned` was given for this very run; None where the tag is missing, or inherited."""
    value, _, run_id = run.tags.get(tag, "").rpartition("@")
    return value if run_id == run.run_id else None


def failure_kind(run: dg.DagsterRun) -> str | None:
    """`permanent`, `deployment` or `transient`, as this very run said when it failed; None for one that said
    nothing."""
    return own_tag(run, FAILURE_TAG)
