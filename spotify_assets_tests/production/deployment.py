"""Open-source Dagster as `infra/oss` starts it, on a real Postgres; what people do in the UI is asked of its GraphQL.

Every part is started by `infra/oss/run` from a copy of that folder, in a process group of its own, so that killing a
part kills what a container's end would kill. In the copy only numbers differ: how often the daemon looks, in seconds.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from spotify_assets_tests.production import graphql
from spotify_assets_tests.production.postgres import Postgres, free_port, running_postgres
from spotify_assets_tests.production.until import PATIENCE, until

ROOT = Path(__file__).parents[2]
LOCATION = "spotify_assets"
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
QUICK: Mapping[str, str] = {
    "dequeue_interval_seconds: 5": "dequeue_interval_seconds: 1",
    "poll_interval_seconds: 30": "poll_interval_seconds: 2",
}
"""The daemon looks more often, so that tests need not wait."""

PARTS = ("code", "webserver", "daemon")
_STARTED = 180


@dataclass
class Deployment:
    """The parts that run, their logs in `folder`, and the settings of the code server."""

    folder: Path
    postgres: Postgres
    settings: Mapping[str, str]
    port: int
    code_port: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, part: str) -> dict[str, str]:
        """What `infra/oss/.env.example` lists; the project's settings for the code server only."""
        system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        project = {"SPOTIFY_ASSETS_HOME": str(self.home), **self.settings} if part == "code" else {}
        return {
            **system,
            **project,
            **self.postgres.environment,
            "PYTHON": sys.executable,
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DAGSTER_CODE_PORT": str(self.code_port),
            "DAGSTER_WEBSERVER_PORT": str(self.port),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`infra/oss/run` with `arguments`, to its end."""
        return subprocess.run(
            [self.folder / "oss" / "run", *arguments],
            env=self.environment(arguments[0]),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, part: str, *, instead_of: Sequence[str] = (), **settings: str) -> None:
        """Start a part in the background; `instead_of` is a command in the place of `infra/oss/run`."""
        self.processes[part] = subprocess.Popen(
            [*(instead_of or (str(self.folder / "oss" / "run"), part))],
            env={**self.environment("code" if instead_of else part), **settings},
            stdout=(self.folder / f"{part}.log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """End a part and everything below it, as the end of its container does."""
        process = self.processes.pop(part)
        os.killpg(process.pid, number)
        process.wait(60)

    def log(self, part: str) -> str:
        return (self.folder / f"{part}.log").read_text(errors="replace")

    def logs(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in self.log_files())

    def log_files(self) -> list[Path]:
        return sorted(self.folder.glob("*.log"))

    def errors(self) -> list[str]:
        """Every line of a log that speaks of an error."""
        wrong = re.compile(r"\b(ERROR|CRITICAL|Traceback|Exception)\b|UserWarning|DeprecationWarning")
        return [
            f"{path.name}: {line}"
            for path in self.log_files()
            for line in path.read_text().splitlines()
            if wrong.search(line)
        ]

    def serving(self) -> None:
        """Wait until the UI is there and has loaded the location."""

        def loaded() -> bool:
            try:
                entries = self.ask(graphql.LOCATIONS)["workspaceOrError"]["locationEntries"]
            except requests.RequestException:
                return False
            return bool(entries) and all(
                entry["locationOrLoadError"] and entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
                for entry in entries
            )

        until(loaded, _STARTED, lambda: f"the UI serves the definitions\n{self.logs()}")

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the webserver's GraphQL answers."""
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/graphql", json={"query": query, "variables": variables}, timeout=60
        )
        told = answer.json()
        assert answer.ok, told
        assert "errors" not in told, told["errors"]
        return told["data"]

    def launch(
        self, job: str, *, location: str = LOCATION, tags: Mapping[str, str] | None = None, **selection: Any
    ) -> str:
        """Launch a run as the UI does; its id."""
        told = self.ask(
            graphql.LAUNCH,
            params={
                "selector": {**_repository(location), "jobName": job, **selection},
                "runConfigData": {},
                "mode": "default",
                "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
            },
        )["launchRun"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return told["run"]["runId"]

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """Every run, newest first: runId, jobName, status, tags, startTime, endTime, rootRunId."""
        results = self.ask(graphql.RUNS, filter=filters)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in results]

    def run(self, run_id: str) -> dict[str, Any]:
        (found,) = self.runs(runIds=[run_id])
        return found

    def ended(self, run_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The run, when it has ended."""
        until(
            lambda: self.run(run_id)["status"] in ENDED,
            seconds,
            lambda: f"run {run_id} ended: {self.run(run_id)}\n{self.logs()}",
        )
        return self.run(run_id)

    def in_status(self, run_id: str, *statuses: str, seconds: float = PATIENCE) -> None:
        until(
            lambda: self.run(run_id)["status"] in statuses,
            seconds,
            lambda: f"run {run_id} in {statuses}: {self.run(run_id)['status']}\n{self.logs()}",
        )

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """The run's events: type, message, step."""
        return self.ask(graphql.EVENTS, runId=run_id)["logsForRun"]["events"]

    def start_sensor(self, name: str, location: str = LOCATION) -> None:
        """What the switch in the UI does."""
        told = self.ask(graphql.START_SENSOR, selector={**_repository(location), "sensorName": name})["startSensor"]
        assert told["__typename"] == "Sensor", told

    def stop(self, name: str) -> None:
        """Switch a schedule or sensor off, as the UI does."""
        state = self.ask(graphql.INSTIGATOR, selector={**_repository(LOCATION), "name": name})[
            "instigationStateOrError"
        ]
        told = self.ask(graphql.STOP[state["instigationType"]], id=state["id"])["stopped"]
        assert told["__typename"] in ("StopSensorMutationResult", "ScheduleStateResult"), told

    def dry_run(self, sensor: str, cursor: str | None = None) -> str | None:
        """Evaluate a sensor as *Test sensor* does in the UI, without consequences; the cursor it ends with."""
        selector = {**_repository(LOCATION), "sensorName": sensor}
        told = self.ask(graphql.DRY_RUN, selector=selector, cursor=cursor)["sensorDryRun"]
        assert told["__typename"] == "DryRunInstigationTick", told
        assert told["evaluationResult"]["error"] is None, told
        return told["evaluationResult"]["cursor"]

    def megabytes(self, part: str) -> float:
        """What a part's own process has in memory, without its children."""
        return psutil.Process(self.processes[part].pid).memory_info().rss / 1e6

    def ticks(self, name: str, location: str = LOCATION, limit: int = 200) -> list[dict[str, Any]]:
        """The newest ticks of a schedule or sensor that have ended."""
        told = self.ask(graphql.TICKS, selector={**_repository(location), "name": name}, limit=limit)
        return [tick for tick in told["instigationStateOrError"]["ticks"] if tick["status"] != "STARTED"]

    def next_tick(self, name: str) -> dict[str, Any]:
        """The newest tick, when there is one."""
        return until(lambda: self.ticks(name), PATIENCE, lambda: f"a tick of {name}\n{self.logs()}")[0]

    def partitioned_checks(self, path: list[str]) -> dict[str, list[dict[str, Any]]]:
        """What the UI shows of an asset's partitioned checks: by name, ranges of dates with a status."""
        checks = self.ask(graphql.PARTITIONED_CHECKS, key={"path": path})["assetNodeOrError"]["assetChecksOrError"][
            "checks"
        ]
        return {check["name"]: check["partitionStatuses"]["ranges"] for check in checks if check["partitionStatuses"]}

    def report_check(self, path: list[str], name: str) -> None:
        """Report a check as failed, as systems outside of Dagster do."""
        answer = requests.post(
            f"http://127.0.0.1:{self.port}/report_asset_check/{'/'.join(path)}",
            json={"check_name": name, "passed": False, "severity": "ERROR"},
            timeout=60,
        )
        assert answer.ok, answer.text

    def backfill(self, keys: Sequence[list[str]], days: Sequence[dt.date]) -> str:
        """Launch a backfill as the asset page does; its id."""
        told = self.ask(
            graphql.BACKFILL,
            params={
                "assetSelection": [{"path": path} for path in keys],
                "partitionNames": [day.isoformat() for day in days],
                "tags": [],
            },
        )["launchPartitionBackfill"]
        assert told["__typename"] == "LaunchBackfillSuccess", told
        return told["backfillId"]

    def backfilled(self, backfill: str, seconds: float) -> tuple[str, list[dict[str, Any]]]:
        """How a backfill ended, and its runs."""

        def status() -> str:
            return self.ask(graphql.BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"]

        until(
            lambda: status() not in ("REQUESTED", "CANCELING", "FAILING"),
            seconds,
            lambda: f"backfill {backfill} ended: {status()} {self.runs()}\n{self.logs()}",
        )
        return status(), [run for run in self.runs() if run["tags"].get("dagster/backfill") == backfill]

    def worker(self, run_id: str) -> psutil.Process:
        """The process that executes a run, as its events name it."""

        def pid() -> int | None:
            told = (re.search(r"\(pid: (\d+)\)", event.get("message") or "") for event in self.events(run_id))
            return next((int(match[1]) for match in told if match), None)

        return psutil.Process(until(pid, PATIENCE, lambda: f"run {run_id} has a process\n{self.logs()}"))


def _repository(location: str) -> dict[str, str]:
    return {"repositoryLocationName": location, "repositoryName": "__repository__"}


@contextmanager
def deployment(
    folder: Path,
    settings: Mapping[str, str],
    *,
    parts: Sequence[str] = PARTS,
    changed: Mapping[str, str] = QUICK,
    neighbours: Mapping[str, int] | None = None,
) -> Iterator[Deployment]:
    """A deployment on an empty Postgres; `parts` run, `neighbours` are other locations (name, port) beside ours."""
    oss = folder / "oss"
    shutil.copytree(ROOT / "infra" / "oss", oss, ignore=shutil.ignore_patterns(".env"))
    text = (oss / "dagster.yaml").read_text()
    for number, quick in changed.items():
        assert number in text, number
        text = text.replace(number, quick)
    (oss / "dagster.yaml").write_text(text)
    with (oss / "workspace.yaml").open("a") as workspace:
        for name, port in (neighbours or {}).items():
            workspace.write(f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: {name}}}\n")
    with running_postgres() as postgres:
        found = Deployment(folder, postgres, settings, free_port(), free_port())
        try:
            prepared = found.command("prepare")
            assert prepared.returncode == 0, prepared.stderr
            for part in parts:
                found.start(part)
            if "webserver" in parts and not neighbours:
                found.serving()
            yield found
        finally:
            for part in list(found.processes):
                found.kill(part)
