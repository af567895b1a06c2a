"""What we use of Dagster that it does not promise: one name each, and a test for each in `test_borrowed.py`.

Three more stand where they belong: running a job as a run of its location (`local.execution`), the SQLite event log
(`local.event_log`) and the run launcher (`run_launcher`), which replace a part of Dagster as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as CheckedMaterialization,
)
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph as AssetGraph
from dagster._core.execution.context.metadata_logging import AssetMetadataHandle, OutputMetadataAccumulator

__all__ = [
    "HIDDEN_TAG",
    "REPOSITORY_TAG",
    "AssetGraph",
    "CheckedMaterialization",
    "Evaluated",
    "add_metadata_by_partition",
    "evaluation_history",
    "hidden_tag",
    "job_assets",
    "latest_evaluations",
]

HIDDEN_TAG = ".dagster/"
"""How a tag begins that the UI does not show (`storage/tags.py`, HIDDEN_TAG_PREFIX)."""

REPOSITORY_TAG = f"{HIDDEN_TAG}repository"
"""Dagster's own tag on every run that was launched from a code location, as `repository@location`."""


def hidden_tag(name: str) -> str:
    """A tag of ours that the UI does not show among a run's tags."""
    return f"{HIDDEN_TAG}spotify_assets/{name}"


def job_assets(job: dg.JobDefinition) -> frozenset[dg.AssetKey]:
    """The assets that a run of the whole job materializes; `asset_selection` is of a job that was cut to some."""
    return frozenset(job.asset_layer.selected_asset_keys)


def add_metadata_by_partition(
    context: dg.AssetExecutionContext, key: dg.AssetKey, by_partition: Mapping[str, Mapping[str, dg.RawMetadataValue]]
) -> None:
    """`context.add_asset_metadata` for each of these partitions, which are the run's.

    That one copies and checks, with each call, all that was added before it: the square of a range's dates.
    """
    step = context.get_step_execution_context()
    before = step._metadata_accumulator.per_output_metadata  # noqa: SLF001 - this module is for it
    added = {}
    for partition, metadata in by_partition.items():
        handle = AssetMetadataHandle(asset_key=key, partition_key=partition)
        added[handle] = {**before.get(handle, {}), **metadata}
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata={**before, **added})  # noqa: SLF001


@dataclass(frozen=True)
class Evaluated:
    """One evaluation of a check, and the run it was made in."""

    run_id: str
    evaluation: dg.AssetCheckEvaluation


def latest_evaluations(instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]) -> list[Evaluated]:
    """The newest evaluation of each check that has one; the instance's public methods give none."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    return _evaluated((record.run_id, record.event) for record in records.values())


def evaluation_history(instance: dg.DagsterInstance, key: dg.AssetCheckKey, limit: int) -> list[Evaluated]:
    """The evaluations of a check, newest first."""
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=limit)
    return _evaluated((record.run_id, record.event) for record in records)


def _evaluated(entries: Iterable[tuple[str, dg.EventLogEntry | None]]) -> list[Evaluated]:
    """Those that are evaluations: a check that is planned, or whose run died, has a record as well."""
    evaluated = []
    for run_id, entry in entries:
        event = entry.dagster_event if entry is not None else None
        if event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluated.append(Evaluated(run_id, event.asset_check_evaluation_data))
    return evaluated
