"""What both Spark engines share: the manifest a run is given, and its reports as built dates. Pure.

Here the lake's layout meets `glue_scripts.manifest`; how a run is started belongs in `spark_engine` and `glue_engine`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from glue_scripts.commit import BuiltDay
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.manifest import Manifest, ManifestDay
from spotify_assets.engines.engine import DaySources
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
                sources=work.sources,
                quarantine_key=layout.quarantine_key(work.day, run_id),
                commit_key=layout.commit_key(work.day),
            )
            for work in days
        ),
    )


def built_days(reports: Iterable[BuiltDay], days: Sequence[DaySources], run: str) -> Iterator[BuiltDay]:
    """The reports, checked. Raises TransientError when `run` did not report each of `days` once, and whole."""
    left = {day.day for day in days}
    for report in reports:
        asked = report.day in left
        left.discard(report.day)
        missing = sorted(set(LAKE_TABLES) - set(report.tables))
        if not asked or missing:
            what = f"without {', '.join(missing)}" if asked else "which it was not asked to build, or twice"
            raise TransientError(f"{run} reported {report.day} {what}: nothing of it is used; build the dates again.")
        yield report
    if left:
        missed = ", ".join(day.isoformat() for day in sorted(left))
        raise TransientError(f"{run} ended without reporting {missed}: nothing of them is used; build the dates again.")
