"""How our failures speak to Dagster's retries of a step, to those of a whole run, and to the sensors.

Assets wrap their work in `speak_to_dagster` and carry `RETRY_POLICY`; nothing else decides about retries. What is
permanent and what transient is decided where it is raised (`spotify_assets.failures`).
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg

from spotify_assets.failures import PermanentError, TransientError

RETRY_POLICY = dg.RetryPolicy(max_retries=3, delay=20, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Three more tries within some three minutes; only transient failures get them."""

WORTH_WAITING = dt.timedelta(minutes=5)
"""A failure that can't pass sooner than this is not retried by the step: a later run resumes."""

FAILURE_TAG = "spotify_assets/failure"
"""`permanent` on a run that failed for good: the sensors that plan runs don't ask for the same again. `transient` on
one whose cause passes by itself: they ask for the same again, ever more slowly, for as long as it lasts."""

RETRY_AT_TAG = "spotify_assets/retry_at"
"""When a transient failure can pass at the earliest (ISO, UTC), where that is known."""

NO_RUN_RETRY_TAGS = {"dagster/max_retries": "0", "dagster/retry_on_asset_or_op_failure": "false"}


@contextmanager
def speak_to_dagster(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, metadata: Mapping[str, dg.MetadataValue] | None = None
) -> Iterator[None]:
    """Turn a PermanentError or TransientError into the `dg.Failure` that makes Dagster retry, or not.

    A permanent failure, and a transient one that can't pass within minutes (a cool-down), also switches off the
    retries of the run: the daemon would otherwise start the run again for an outcome that is known. `metadata` is
    shown with the failure.
    """
    try:
        yield
    except PermanentError as error:
        context.instance.add_run_tags(context.run_id, {**NO_RUN_RETRY_TAGS, FAILURE_TAG: "permanent"})
        raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from error
    except TransientError as error:
        later = error.retry_at is not None and error.retry_at - dt.datetime.now(dt.UTC) > WORTH_WAITING
        known = {RETRY_AT_TAG: error.retry_at.isoformat()} if error.retry_at else {}
        retries = NO_RUN_RETRY_TAGS if later else {}
        run = context.instance.get_run_by_id(context.run_id)
        if run is not None and run.tags.get(FAILURE_TAG) != "permanent":
            known[FAILURE_TAG] = "transient"
        context.instance.add_run_tags(context.run_id, {**retries, **known})
        shown = dict(metadata or {})
        if error.retry_at:
            shown["retry_at"] = dg.MetadataValue.timestamp(error.retry_at)
        raise dg.Failure(str(error), metadata=shown, allow_retries=not later) from error
