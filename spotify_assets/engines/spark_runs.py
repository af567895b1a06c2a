"""What both Spark engines share: the manifest a run is given, and its reports as built dates. Pure.

Here the lake's layout meets `glue_scripts.manifest`; how a run is started belongs in `spark_engine` and `glue_engine`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from glue_scripts.contract import LAKE_TABLES
from glue_scripts.manifest import DayReport, Manifest, ManifestDay, ManifestSource
from spotify_assets.engines.engine import BuiltDay, DaySources
from spotify_assets.failures import TransientError
from spotify_assets.lake import layout


def make_manifest(run_id: str, engine: str, days: Sequence[DaySources]) -> Manifest:
    """The manifest that builds `days` as `run_id`."""
    return Manifest(
        run_id=run_id,
        engine=engine,
        staging_prefix=layout.staging_prefix(run_id),
        table_prefixes={table: layout.table_run_folder(table, run_id) for table in LAKE_TABLES},
        days=tuple(
            ManifestDay(
                day=work.day.isoformat(),
                sources=tuple(
                    ManifestSource(source.key, source.etag, _playlist_id(source.key)) for source in work.sources
                ),
                quarantine_key=layout.quarantine_key(work.day, run_id),
                commit_key=layout.commit_key(work.day),
            )
            for work in days
        ),
    )


def built_days(reports: Iterable[DayReport], days: Sequence[DaySources], run: str) -> Iterator[BuiltDay]:
    """The reports as built dates. Raises TransientError when `run` did not report each of `days` once, and whole."""
    work = {day.day.isoformat(): day for day in days}
    for report in reports:
        asked = work.pop(report.day, None)
        missing = sorted(set(LAKE_TABLES) - set(report.tables))
        if asked is None or missing:
            what = f"without {', '.join(missing)}" if asked else "which it was not asked to build, or twice"
            raise TransientError(f"{run} reported {report.day} {what}: nothing of it is used; build the dates again.")
        yield BuiltDay(
            day=dt.date.fromisoformat(report.day),
            sources=asked.sources,
            entries=report.entries,
            quarantined=report.quarantined,
            quarantine_key=report.quarantine_key,
            tables=dict(report.tables),
        )
    if work:
        raise TransientError(
            f"{run} ended without reporting {', '.join(sorted(work))}: nothing of them is used; build the dates again."
        )


def _playlist_id(key: str) -> str:
    raw = layout.parse_raw_key(key)
    if raw is None:
        raise ValueError(f"{key} is not a raw object's key")
    return raw.playlist_id
