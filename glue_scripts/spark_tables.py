"""The Spark engine itself: raw objects of any set of dates in, Parquet of the seven tables out, in one application.

Everything here is Spark: the shared SELECTs over views, and writing. Reading is `spark_reader`'s, what a row holds is
`tables`', where things go is the manifest's. Dates are a column of one job, never a loop, so neither the number of jobs
nor the driver's memory grows with them. Needs pyspark 3.5, nothing of AWS or Dagster.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pyspark import StorageLevel

from glue_scripts import tables
from glue_scripts.commit import DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.lake_files import LakeFiles
from glue_scripts.manifest import DayReport, Manifest
from glue_scripts.spark_reader import Source, read_sources, with_flat_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PARALLEL_WRITES = 4
_ENTRIES_PER_PARTITION = 100_000

_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.adaptive.enabled": "true",
}
"""What the result depends on, whatever the cluster's own settings are."""

_WRITE_OPTIONS = {
    # No marker files or checksum files among the tables.
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "parquet.summary.metadata.level": "NONE",
    "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "fs.file.impl.disable.cache": "true",
}

_PERSISTED = {"song_rows", "album_rows"}
"""Relations that are read more than once and cost more to compute than to keep."""


def build(spark: SparkSession, manifest: Manifest, files: LakeFiles) -> Iterator[DayReport]:
    """Build every date of the manifest and report each, in the manifest's order, once all files are in place.

    Nothing is made current. Raises FileNotFoundError (through Spark) when a raw object is gone.
    """
    session = spark.newSession()
    for name, value in _SESSION.items():
        session.conf.set(name, value)
    sources = [
        Source(dt.date.fromisoformat(day.day), source.key, source.etag, source.playlist_id)
        for day in manifest.days for source in day.sources
    ]
    before = {key for prefix in manifest.table_prefixes.values() for key, _ in files.list(prefix)}
    kept: list[DataFrame] = []
    try:
        _create_judged(session, files, sources, kept)
        counts = _counts(session)
        entries = sum(entries for entries, _ in counts.values())
        partitions = max(session.sparkContext.defaultParallelism, entries // _ENTRIES_PER_PARTITION)
        session.conf.set("spark.sql.shuffle.partitions", str(partitions))
        _create_relations(session, kept)
        quarantine = dict(_write_quarantine(session, manifest, files, counts))
        _write_tables(session, manifest, files)
        written = _written(session, manifest, files, before)
    finally:
        for relation in kept:
            relation.unpersist()
    for day in manifest.days:
        entries, quarantined = counts.get(day.day, (0, 0))
        report = DayReport(
            day.day, entries, quarantined, quarantine.get(day.day),
            {name: TableFiles(tuple(sorted(written.get((name, day.day), ()), key=lambda file: file.key)))
             for name in LAKE_TABLES},
        )
        if report.tables["playlist_items"].rows != entries - quarantined:
            raise RuntimeError(
                f"{day.day}: {entries} entries were read and {quarantined} quarantined, but "
                f"{report.tables['playlist_items'].rows} rows of playlist_items were written: build the date again"
            )
        yield report


# --- relations ------------------------------------------------------------------------------------------------------


def _create_judged(session: SparkSession, files: LakeFiles, sources: Sequence[Source], kept: list[DataFrame]) -> None:
    """Create `judged`, `snapshots` and `bad_lines` as views; `kept` gets what is persisted."""
    _keep(read_sources(session, files, sources), kept).createOrReplaceTempView("judged")
    for name, select in {
        "snapshots": with_flat_columns(tables.snapshots_select("judged")),
        "bad_lines": "select snapshot_date, source_key, bad_line as line, cast(null as bigint) as entry_index, "
                     "playlist_id, bad_reason as reason from judged where bad_line is not null",
    }.items():
        session.sql(select).createOrReplaceTempView(name)


def _create_relations(session: SparkSession, kept: list[DataFrame]) -> None:
    """Create the shared relations over `judged` as views; `kept` gets what is persisted."""
    for name, select in tables.relations(tables.SPARK).items():
        relation = session.sql(with_flat_columns(select))
        (_keep(relation, kept) if name in _PERSISTED else relation).createOrReplaceTempView(name)


def _keep(relation: DataFrame, kept: list[DataFrame]) -> DataFrame:
    kept.append(relation.persist(StorageLevel.MEMORY_AND_DISK_DESER))
    return relation


# --- counts and quarantine ------------------------------------------------------------------------------------------


def _counts(session: SparkSession) -> dict[str, tuple[int, int]]:
    """(entries, quarantined) of each date that has any; a line that is no page counts as one of both."""
    rows = session.sql(f"""
        select cast(snapshot_date as string) as day, sum(entries) as entries, sum(quarantined) as quarantined
        from (
            select * from ({tables.COUNTS_SELECT})
            union all
            select snapshot_date, count(*), count(*) from bad_lines group by snapshot_date
        ) group by snapshot_date
    """).toLocalIterator()
    return {row["day"]: (row["entries"], row["quarantined"]) for row in rows}


def _write_quarantine(
    session: SparkSession, manifest: Manifest, files: LakeFiles, counts: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    """Write the quarantine file of each date that needs one; yields (date, key). One date is in memory at a time."""
    if not any(quarantined for _, quarantined in counts.values()):
        return
    keys = {day.day: day.quarantine_key for day in manifest.days}
    rows = session.sql(
        f"select * from ({tables.QUARANTINE_SELECT}) union all select snapshot_date, source_key, line, entry_index, "
        "playlist_id, reason from bad_lines order by snapshot_date, source_key, line, entry_index"
    ).toLocalIterator()
    for day, found in itertools.groupby(rows, key=lambda row: row["snapshot_date"].isoformat()):
        records = ({**row.asDict(), "snapshot_date": day} for row in found)
        files.write(keys[day], "".join(json.dumps(record) + "\n" for record in records).encode())
        yield day, keys[day]


# --- writing --------------------------------------------------------------------------------------------------------


def _write_tables(session: SparkSession, manifest: Manifest, files: LakeFiles) -> None:
    """Write the seven tables, several at once: one file per table and date, more only where a date is large."""

    def write(table: tuple[str, str]) -> None:
        name, select = table
        # Rebalancing brings a date's rows together and splits only what exceeds the advisory partition size.
        rows = session.sql(
            f"select /*+ rebalance(day) */ *, cast(snapshot_date as string) as day from ({with_flat_columns(select)})"
        )
        target = files.spark_path(manifest.table_prefixes[name])
        rows.write.mode("append").partitionBy("day").options(**_WRITE_OPTIONS).parquet(target)

    with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
        list(pool.map(write, tables.table_selects(tables.SPARK, manifest.run_id).items()))


_DAY_FOLDER = re.compile(r"day=(\d{4}-\d{2}-\d{2})/[^/]+\.parquet")


def _written(
    session: SparkSession, manifest: Manifest, files: LakeFiles, before: set[str]
) -> dict[tuple[str, str], list[DataFile]]:
    """The new files of each (table, date): sizes from the listing, rows from the Parquet footers.

    Files that were there `before` are an abandoned attempt's, or an earlier build's of the same run; they are not ours.
    """
    found = {
        name: {key: size for key, size in files.list(prefix) if key.endswith(".parquet") and key not in before}
        for name, prefix in manifest.table_prefixes.items()
    }
    filled = [files.spark_path(manifest.table_prefixes[name]) for name, sizes in found.items() if sizes]
    if not filled:
        return {}
    # Without a column Spark answers from the footers alone. What an abandoned attempt left half-written is passed over.
    counted = (
        session.read.schema("snapshot_date date").option("recursiveFileLookup", "true")
        .option("ignoreCorruptFiles", "true").parquet(*filled)
        .groupBy("_metadata.file_path").count().toLocalIterator()
    )
    rows = {unquote(row["file_path"]): row["count"] for row in counted}
    by_key = {path[path.index(f"/{prefix}") + 1:]: count for path, count in rows.items()
              for prefix in manifest.table_prefixes.values() if f"/{prefix}" in path}
    written: dict[tuple[str, str], list[DataFile]] = {}
    for name, sizes in found.items():
        for key, size in sizes.items():
            folder = _DAY_FOLDER.fullmatch(key.removeprefix(manifest.table_prefixes[name]))
            if folder is None or key not in by_key:
                raise RuntimeError(f"{key} is not a Parquet file of {name} where one belongs: build the dates again")
            written.setdefault((name, folder[1]), []).append(DataFile(key, by_key[key], size))
    return written
