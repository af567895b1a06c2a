"""Seven loads that each wait for a warehouse: one after the other (the baseline), and four at once in processes."""

from __future__ import annotations

import logging
import tempfile
import time

import dagster as dg

from spotify_assets.executors import executor_for
from spotify_assets.settings import load_settings

SECONDS = 5.0
"""What the load of a table waits for Snowflake: some fifteen statements of a third of a second."""

_SNOWFLAKE = {
    "LAKE_URL": "s3://bucket/lake",
    **{f"SNOWFLAKE_{name}": "x" for name in ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "PRIVATE_KEY")},
}


@dg.op(out=dg.Out(dg.Nothing))
def load() -> None:
    """A load as this process sees it."""
    time.sleep(SECONDS)


def _seven() -> None:
    for number in range(7):
        load.alias(f"load_{number}")()


@dg.job(executor_def=executor_for(load_settings(_SNOWFLAKE)))
def one_by_one() -> None:
    _seven()


@dg.job(executor_def=executor_for(load_settings({**_SNOWFLAKE, "STEPS_AT_ONCE": "4"})))
def four_at_once() -> None:
    _seven()


def main() -> None:
    logging.getLogger("dagster").setLevel(logging.ERROR)
    seconds = []
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        for job in (one_by_one, four_at_once):
            began = time.perf_counter()
            assert dg.execute_job(dg.reconstructable(job), instance).success
            seconds.append(time.perf_counter() - began)
            print(f"  {job.name:26} {seconds[-1]:8.1f} s")
    print(f"  ratio {seconds[1] / seconds[0]:.2f} of the time")
