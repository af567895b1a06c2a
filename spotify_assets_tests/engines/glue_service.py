"""A Glue that answers from a script and computes with DuckDB: what it was started for stands in the lake when it ends.

Requests and answers are held to Glue's own model. Time passes only while the step sleeps; then runs go on.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import EndpointConnectionError
from dagster_pipes import decode_param

from glue_scripts.manifest import Manifest
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.engines.engine import DaySources
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.clock import FakeClock
from spotify_assets_tests.scripted_aws import Answer, ScriptedClient

JOB = "spotify-assets"
Fate = str | Callable[["GlueService", dict[str, Any]], str]
"""How a run ends: a state, or what is done in its place and the state it gives."""


class Killed(BaseException):
    """The process of the step is gone. It can't tell anybody."""


@dataclass
class GlueService:
    """`fates` are those of the runs in the order they start; SUCCEEDED when there are no more. `runs` has all of them.

    `troubles` are answered, one per call and operation, before what is true.
    """

    store: ObjectStore
    fates: list[Fate] = field(default_factory=list)
    troubles: dict[str, list[Answer]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    unreachable: bool = False

    def __post_init__(self) -> None:
        self.clock = FakeClock(meanwhile=self.go_on)
        self.sleeping: list[Callable[[], None]] = []
        operations = ("start_job_run", "get_job_run", "get_job_runs", "batch_stop_job_run", "get_job")
        answers: dict[str, Any] = {name: [self._answering(name)] for name in operations}
        self.glue = ScriptedClient("glue", **answers)
        self.logs = ScriptedClient("logs", get_log_events=["ResourceNotFoundException"])

    @property
    def started(self) -> int:
        return len(self.runs)

    def go_on(self, seconds: float) -> None:
        """What happens while the step sleeps."""
        if self.sleeping:
            self.sleeping.pop(0)()
        self.advance()

    def advance(self) -> None:
        """Every run takes its next step."""
        for number, run in enumerate(self.runs):
            if run["JobRunState"] == "STARTING":
                run["JobRunState"] = "RUNNING"
            elif run["JobRunState"] == "RUNNING":
                fate = self.fates[number] if number < len(self.fates) else succeed
                state = fate if isinstance(fate, str) else fate(self, run)
                if state != "RUNNING":
                    run.update(JobRunState=state, CompletedOn=self.clock.now(), ExecutionTime=90)

    def send(self, run: Mapping[str, Any], *messages: tuple[str, Mapping[str, object]]) -> None:
        """Put messages where the run was told to put them, as one chunk."""
        prefix = decode_param(run["Arguments"]["--dagster-pipes-messages"])["key_prefix"]
        root = self.store.url().partition("://")[2].partition("/")[2].rstrip("/")
        head = {"__dagster_pipes_version": "0.1"}
        records = [{**head, "method": method, "params": params} for method, params in messages]
        key = f"{prefix.removeprefix(f'{root}/')}/1.json"
        self.store.put(key, "\n".join(map(json.dumps, records)).encode())

    def _answering(self, operation: str) -> Callable[[dict], Any]:
        def answer(request: dict) -> Any:
            trouble = self.troubles.get(operation)
            if trouble:
                first = trouble.pop(0)
                return first(request) if callable(first) else first
            if self.unreachable:
                return EndpointConnectionError(endpoint_url="https://glue")
            return getattr(self, f"_{operation}")(request)

        return answer

    def _start_job_run(self, request: dict) -> Mapping[str, object]:
        run = {
            "Id": f"jr_{len(self.runs) + 1}",
            "JobRunState": "STARTING",
            "Arguments": dict(request["Arguments"]),
            "WorkerType": request.get("WorkerType", "G.1X"),
            "NumberOfWorkers": request.get("NumberOfWorkers", 2),
            "Timeout": request["Timeout"],
            "LogGroupName": "/aws-glue/spotify-assets",
        }
        self.runs.append(run)
        return {"JobRunId": run["Id"]}

    def _get_job_run(self, request: dict) -> Mapping[str, object]:
        return {"JobRun": next(run for run in self.runs if run["Id"] == request["RunId"])}

    def _get_job_runs(self, _: dict) -> Mapping[str, object]:
        return {"JobRuns": list(reversed(self.runs))}

    def _batch_stop_job_run(self, request: dict) -> Mapping[str, object]:
        for run in self.runs:
            if run["Id"] in request["JobRunIds"]:
                run.update(JobRunState="STOPPED", CompletedOn=self.clock.now())
        return {"SuccessfulSubmissions": [], "Errors": []}

    def _get_job(self, _: dict) -> Mapping[str, object]:
        return {"Job": {"Name": JOB, "GlueVersion": "5.0", "NumberOfWorkers": 2, "WorkerType": "G.1X"}}


def succeed(
    service: GlueService, run: dict[str, Any], leave_out: Sequence[str] = (), unread: Mapping[str, str] | None = None
) -> str:
    """Build what the manifest says and report it, as the script does; `leave_out` are methods of messages not sent,
    `unread` dates whose raw objects can't be read, with why."""
    manifest = Manifest.from_json(service.store.get(run["Arguments"]["--manifest"]))
    days = [day for day in manifest.days if day.day not in (unread or {})]
    work = [DaySources(dt.date.fromisoformat(day.day), tuple(day.sources)) for day in days]
    reports = [built.to_record() for built in build_days(service.store, manifest.run_id, work)]
    payloads: list[dict[str, object]] = [{"built_day": report} for report in reports]
    if unread:
        payloads.append({"unread_days": dict(unread)})
    messages = [
        ("opened", {"extras": {}}),
        *(("report_custom_message", {"payload": payload}) for payload in payloads),
        ("closed", {}),
    ]
    service.send(run, *(message for message in messages if message[0] not in leave_out))
    return "SUCCEEDED"
