"""Recording a check of several snapshot dates date by date, whether it ran with its asset or by itself.

Of a run over a range Dagster 1.13 makes one evaluation without a partition from an `AssetCheckResult`, and the UI then
shows every date as "Skipped" for ever; of a run without dates it makes an error (`asset_check_result.py`,
`to_asset_check_evaluation`). So a check hands over its evaluations itself. What must hold belongs beside the check.

An evaluation names the materialization it is about: the UI counts one that does not as made for an older one, and shows
its date as not checked (`asset_check_execution_record.py`, `is_current`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import cast

import dagster as dg

from spotify_assets.assets.verdicts import evaluation
from spotify_assets.partitions import run_dates_or_none
from spotify_assets.private import CheckedMaterialization

_PAGE = 500

Judge = Callable[[Sequence[dt.date]], dg.AssetCheckResult]


def evaluated(context: dg.AssetCheckExecutionContext, days: Sequence[dt.date], judge: Judge) -> dg.AssetCheckResult:
    """One evaluation for each of `days`, or one without a date where there are none; for the check to return.

    `judge` is asked about all of them at once; only when it finds something wrong, about each alone, to say of which.
    """
    whole = judge(days)
    results: dict[dt.date | None, dg.AssetCheckResult] = dict.fromkeys(days, whole) or {None: whole}
    if not whole.passed and len(days) > 1:
        results = {day: judge([day]) for day in days}
        if all(result.passed for result in results.values()):  # wrong only together
            results[days[-1]] = whole
    if run_dates_or_none(context) is None:
        results = {None: whole, **results}  # Dagster planned one without a date, which would stay "in progress"
    op = context.op_execution_context
    (key,) = op.selected_asset_check_keys
    spec = op.assets_def.get_spec_for_check_key(key)
    targets = _targets(context.instance, key.asset_key, {day.isoformat() for day in results if day})
    evaluations = [
        evaluation(
            result._replace(asset_key=key.asset_key, check_name=key.name),
            blocking=spec.blocking if spec else None,
            partition=day.isoformat() if day else None,
            target=targets.get(day.isoformat()) if day else None,
        )
        for day, result in results.items()
    ]
    (output,) = op.op_def.output_defs
    events = (event for event in [*evaluations, dg.Output(None, output.name)])
    return cast("dg.AssetCheckResult", events)  # Dagster takes a generator as well; its annotations don't say so


def _targets(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, partitions: set[str]
) -> dict[str, CheckedMaterialization]:
    """The newest materialization of each of `partitions` that has one: a query for some hundred of them."""
    targets: dict[str, CheckedMaterialization] = {}
    wanted, cursor = dg.AssetRecordsFilter(asset_key, asset_partitions=sorted(partitions)), None
    while len(targets) < len(partitions):
        page = instance.fetch_materializations(wanted, limit=min(len(partitions), _PAGE), cursor=cursor)
        for record in page.records:
            target = CheckedMaterialization(
                storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
            )
            targets.setdefault(str(record.partition_key), target)
        if not page.has_more:
            break
        cursor = page.cursor
    return targets
