"""AWS Glue on this machine: moto keeps jobs and runs, a real Spark executes what a run was started with.

Whenever the step sleeps between polls, the harness takes every run that was started since: it fetches the script and
the package the run's own arguments name, executes them with exactly these arguments, in a process of their own or on a
Spark that is started, puts what was written back on S3, and moves the run's state. There is no Hadoop connector for S3
here, so Spark works on a mirror of the lake, named by one more argument; Pipes and its messages go over S3 as they do
on Glue.
"""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.moto_aws import REGION

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG_GROUP = "test/log"  # moto's for every run
BRIEF_JVM = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:MetaspaceSize=256m "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)
"""Options of a Java that ends within seconds, which are the local engine's for the same reasons."""


@dataclass
class GlueHarness:
    """Executes the started runs of moto's Glue, on `spark` where there is one. `failures` holds what the script printed
    when it failed."""

    endpoint: str
    store: ObjectStore
    folder: Path
    spark: SparkSession | None = None
    executed: list[dict[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from moto.moto_api import state_manager

        state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 10**6})

    def sleep(self, seconds: float) -> None:
        """What the step does instead of sleeping."""
        for run in self._runs():
            if run.status == "STARTING":
                run.status = "RUNNING"
                run.status = self._execute(run.job_run_id, run.arguments)

    def _runs(self) -> list[Any]:
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.glue.models import glue_backends

        return [run for job in glue_backends[DEFAULT_ACCOUNT_ID][REGION].jobs.values() for run in job.job_runs]

    def _execute(self, run_id: str, arguments: dict[str, str]) -> str:
        self.executed.append(arguments)
        place = self.folder / run_id
        place.mkdir(parents=True)
        script, package = (self._fetch(arguments[name], place) for name in ("--scriptLocation", "--extra-py-files"))
        mirror = ObjectStore.open((place / "lake").as_uri())
        before = {found.key for found in self.store.list("") if not found.key.startswith("tables/")}
        for key in before:
            mirror.put(key, self.store.get(key))
        own = [part for name, value in arguments.items() for part in (name, value)]
        arguments_of_script = ["--JOB_RUN_ID", run_id, *own, "--lake-mirror", mirror.url().rstrip("/")]
        execute = self._execute_here if self.spark else self._execute_apart
        finished = execute(script, package, arguments_of_script)
        self._write_logs(run_id, {"output": finished.stdout, "error": finished.stderr})
        for found in mirror.list(""):
            if found.key not in before and not found.key.startswith("."):
                self.store.put(found.key, mirror.get(found.key))
        if finished.returncode:
            self.failures.append(finished.stderr)
        return "FAILED" if finished.returncode else "SUCCEEDED"

    def _execute_apart(self, script: Path, package: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """With a Java of its own, and no module of this project but the package's."""
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(package),
                "AWS_ENDPOINT_URL": self.endpoint,
                "PYSPARK_PYTHON": sys.executable,
                "PYSPARK_SUBMIT_ARGS": _SUBMIT,
                "SPARK_LOCAL_IP": "127.0.0.1",
                "SPARK_SUBMIT_OPTS": BRIEF_JVM,
            },
            cwd=script.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def _execute_here(self, script: Path, package: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """On the Spark that is started, as the script finds it."""
        printed, failure = io.StringIO(), ""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.setattr(sys, "argv", [str(script), *arguments])
            patch.setenv("AWS_ENDPOINT_URL", self.endpoint)
            try:
                runpy.run_path(str(script), run_name="__main__")
            except Exception:
                failure = traceback.format_exc()
        return subprocess.CompletedProcess([str(script), *arguments], bool(failure), printed.getvalue(), failure)

    def _fetch(self, url: str, place: Path) -> Path:
        key = url.removeprefix(self.store.url())
        path = place / key.rsplit("/", 1)[-1]
        path.write_bytes(self.store.get(key))
        return path

    def _write_logs(self, run_id: str, texts: dict[str, str]) -> None:
        import time

        import boto3

        logs = boto3.client("logs", REGION, endpoint_url=self.endpoint)
        for stream, text in texts.items():
            group = f"{LOG_GROUP}/{stream}"
            if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
                logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=run_id)
            events = [{"timestamp": int(time.time() * 1000), "message": line} for line in text.splitlines() if line]
            if events:
                logs.put_log_events(logGroupName=group, logStreamName=run_id, logEvents=events[-100:])


_SUBMIT = (
    "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false "
    "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 pyspark-shell"
)
