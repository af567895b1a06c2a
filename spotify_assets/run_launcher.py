"""Dagster's own run launcher, whose runs are looked after when the code server dies with them.

A run is a child of the code server, which reports a child that died. Nobody reports the children of a server that died
itself (a killed container, a host that went away): Dagster 1.13 asks only launchers that can tell
(`supports_check_run_worker_health`, `_daemon/monitoring/run_monitoring.py`), and the default one can't, so the run
stays STARTED until its time is up. This one asks the code server whether the run is among its children.
`infra/oss/dagster.yaml` names it; it belongs to the instance, not to the code location.
"""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value
from dagster._serdes.config_class import ConfigurableClassData

GRPC_INFO_TAG = ".dagster/grpc_info"
"""Where Dagster's launcher writes which server it launched a run on (`storage/tags.py`)."""

_SECONDS = 10


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches as Dagster does. A run that its server does not know has failed, and is repeated like any that crashed.

    A server that can't be reached is no answer: the run is left alone until it is.
    """

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> WatchedRunLauncher:
        return cls(inst_data=inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        where = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not where:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "Launched elsewhere.")
        client = DagsterGrpcClient(
            host=where["host"],
            port=where.get("port"),
            socket=where.get("socket"),
            use_ssl=bool(where.get("use_ssl", False)),
        )
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_SECONDS)
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The code server can't be reached.")
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The code server that ran it has died, and the run with it.")
