"""Seven loads that each wait for a warehouse: one after the other (the baseline), and four at once in processes."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from pathlib import Path

import dagster as dg

from spotify_assets.executors import executor_for
from spotify_assets.settings import load_settings

SECONDS = 5.0
"""What the load of a table waits for Snowflake: some fifteen statements of a third of a second."""

_CPU = "BENCHMARK_CPU_SECONDS"
"""Names the file that steps write their CPU seconds to."""

_SNOWFLAKE = {
    "LAKE_URL": "s3://bucket/lake",
    **{f"SNOWFLAKE_{name}": "x" for name in ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "PRIVATE_KEY")},
}


@dg.op(out=dg.Out(dg.Nothing))
def load() -> None:
    """A load as this process sees it; what the process has computed so far is what the step costs beside waiting."""
    time.sleep(SECONDS)
    with Path(os.environ[_CPU]).open("a", encoding="utf-8") as file:
        file.write(f"{time.process_time()}\n")


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
            cpu = Path(folder, job.name)
            os.environ[_CPU] = str(cpu)
            began = time.perf_counter()
            assert dg.execute_job(dg.reconstructable(job), instance).success
            seconds.append(time.perf_counter() - began)
            print(f"  {job.name:26} {seconds[-1]:8.1f} s")
        steps = [float(line) for line in cpu.read_text(encoding="utf-8").split()]
        print(f"  {sum(steps) / len(steps):.1f} CPU seconds a step in a process of its own")
    print(f"  ratio {seconds[1] / seconds[0]:.2f} of the time")
