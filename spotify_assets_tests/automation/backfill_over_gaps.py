"""A process that launches a backfill as the UI does and lets the daemon's iteration finish it; writes what came of it.

`python -m spotify_assets_tests.automation.backfill_over_gaps FIRST LAST FILE` in the environment of a home with raw
objects. A process of its own, because the code location is the module `spotify_assets.definitions` as it loads there.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import time
from pathlib import Path

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from glue_scripts.spans import days_between
from spotify_assets.names import PLAIN

ITERATIONS = 20
_INSTANCE = {
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
}
"""Runs are executed where they are submitted, one after the other."""


def main(first: str, last: str, target_file: str) -> None:
    partitioned = [
        *(dg.AssetKey(["lake", name]) for name in LAKE_TABLES),
        *(PLAIN.warehouse("lake", name) for name in LAKE_TABLES),
    ]
    others = [
        *(PLAIN.warehouse("spotify", name) for name in DIMENSIONS),
        *(PLAIN.warehouse("analytics", name) for name in MARTS),
        dg.AssetKey("dashboard"),
    ]
    days = [day.isoformat() for day in days_between(dt.date.fromisoformat(first), dt.date.fromisoformat(last))]
    target = ModuleTarget(
        module_name="spotify_assets.definitions",
        attribute=None,
        working_directory=None,
        location_name="spotify_assets",
    )
    with (
        dg.instance_for_test(overrides=_INSTANCE) as instance,
        create_test_daemon_workspace_context(target, instance) as workspace,
    ):
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="overgaps",
            asset_graph=workspace.create_request_context().asset_graph,
            partition_names=days,
            asset_selection=[*partitioned, *others],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        instance.add_backfill(backfill)
        found, errors = backfill, []
        for _ in range(ITERATIONS):
            errors = [error for error in execute_backfill_iteration(workspace, logging.getLogger("tests")) if error]
            found = instance.get_backfill("overgaps") or backfill
            if errors or found.status.value not in ("REQUESTED", "FAILING"):
                break
        Path(target_file).write_text(
            json.dumps(
                {
                    "status": found.status.value,
                    "errors": [error.to_string() for error in errors],
                    "runs": [run.status.value for run in instance.get_runs()],
                    "materialized": {
                        key.to_user_string(): sorted(instance.get_materialized_partitions(key)) for key in partitioned
                    },
                    "computed": [
                        key.to_user_string() for key in others if instance.get_latest_materialization_event(key)
                    ],
                    "others": [key.to_user_string() for key in others],
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
