"""The Spark engine itself: raw objects of any set of dates in, Parquet of the seven tables out, in one application.

Everything here is Spark: the shared SELECTs over what `spark_reader` staged, and writing. What a row holds is
`tables`', where things go is the manifest's. Dates are a column of one job, never a loop, so neither the number of jobs
nor the driver's memory grows with them. Needs pyspark 3.5, nothing of AWS or Dagster.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from glue_scripts import tables
from glue_scripts.commit import BuiltDay, DataFile, TableFiles, UnreadDays, content_digest
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.lake_files import LakeFiles
from glue_scripts.manifest import Manifest
from glue_scripts.spark_reader import BAD_LINES, Counted, schema, stage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PARALLEL_WRITES = 4
_ENTRIES_PER_PARTITION = 100_000
_FEW_ENTRIES = 30_000

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

_SESSION_FOR_FEW = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Soonest for `_FEW_ENTRIES`: one partition, so nothing to adapt, and expressions interpreted, which a fresh JVM has
done before it has generated and compiled code for them (`python -m benchmarks spark`)."""

_WRITE_OPTIONS = {
    # No marker files or checksum files among the tables.
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "parquet.summary.metadata.level": "NONE",
    # A task's files come to their folder when the job ends well, so that a task that is repeated leaves none behind.
    "mapreduce.fileoutputcommitter.algorithm.version": "1",
    "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "fs.file.impl.disable.cache": "true",
}


def build(spark: SparkSession, manifest: Manifest, files: LakeFiles) -> Iterator[BuiltDay]:
    """Build every date of the manifest and report each, in the manifest's order, once all files are in place.

    Everything is written under a name of this attempt's own, and nothing is made current. Raises UnreadDays, once the
    others are built, for dates that a raw object of theirs can't be read for, and FileNotFoundError (through Spark)
    when one is gone.
    """
    unread: dict[dt.date, str] = {}
    while left := tuple(day for day in manifest.days if dt.date.fromisoformat(day.day) not in unread):
        try:
            yield from _build(spark, replace(manifest, days=left).attempt(), files)
        except UnreadDays as error:
            unread |= error.reasons
        else:
            break
    if unread:
        raise UnreadDays(unread)


def _build(spark: SparkSession, manifest: Manifest, files: LakeFiles) -> Iterator[BuiltDay]:
    """Build every date of the manifest; raises UnreadDays before it has written anything."""
    staging = f"{manifest.staging_prefix}{uuid.uuid4().hex}/"
    try:
        session, counts = _read(spark, manifest, files, staging)
        unread = {dt.date.fromisoformat(day): counted.unread for day, counted in counts.items() if counted.unread}
        if unread:
            raise UnreadDays(unread)
        gather = _size(session, sum(counted.entries for counted in counts.values()))
        quarantine = dict(_write_quarantine(session, manifest, files, counts))
        _write_tables(session, manifest, files, gather)
        written = _written(session, manifest, files)
    finally:
        files.delete(staging)
    for day in manifest.days:
        counted = counts.get(day.day, Counted(day.day))
        built = BuiltDay(
            day=dt.date.fromisoformat(day.day),
            run_id=manifest.run_id,
            entries=counted.entries,
            quarantined=counted.quarantined,
            quarantine_key=quarantine.get(day.day),
            tables={
                name: TableFiles(tuple(sorted(written.get((name, day.day), ()), key=lambda file: file.key)))
                for name in LAKE_TABLES
            },
            unread_leaves=counted.leaves,
            content=content_digest([counted.content]),
        )
        if built.tables["playlist_items"].rows != counted.entries - counted.quarantined:
            raise RuntimeError(
                f"{day.day}: {counted.entries} entries were read and {counted.quarantined} quarantined, but "
                f"{built.tables['playlist_items'].rows} rows of playlist_items were written: build the date again"
            )
        yield built


# --- reading --------------------------------------------------------------------------------------------------------


def _read(
    spark: SparkSession, manifest: Manifest, files: LakeFiles, staging: str
) -> tuple[SparkSession, dict[str, Counted]]:
    """Stage the manifest's raw objects; a session with the relations over them, and what each date's hold.

    The session is made while the workers read: in a fresh JVM that takes longer than reading a small day.
    """
    sources = [source for day in manifest.days for source in day.sources]
    files.write(f"{staging}_begun", b"")  # a relation's path must be there; Spark reads no file whose name begins so
    counts: dict[str, Counted] = {}
    with ThreadPoolExecutor(1) as pool:
        staged = pool.submit(stage, spark.sparkContext, files, sources, staging)
        session = spark.newSession()
        for name, value in _SESSION.items():
            session.conf.set(name, value)
        _create_relations(session, files.spark_path(staging))
        for counted in staged.result():
            counts[counted.day] = counts.get(counted.day, Counted(counted.day)) + counted
    session.catalog.refreshTable("judged")
    return session, counts


def _create_relations(session: SparkSession, path: str) -> None:
    """Create `judged`, which is what is staged at `path`, and all relations over it as views."""
    session.read.schema(schema()).parquet(path).createOrReplaceTempView("judged")
    selects = {"bad_lines": BAD_LINES, **tables.relations(tables.SPARK)}
    for name, select in selects.items():
        session.sql(select).createOrReplaceTempView(name)


def _size(session: SparkSession, entries: int) -> str:
    """Set what depends on how many entries there are. Returns the hint that brings the rows of a date together."""
    if entries < _FEW_ENTRIES:
        settings, gather = _SESSION_FOR_FEW, "coalesce(1)"
    else:
        # Rebalancing brings a date's rows together and splits only what exceeds the advisory partition size.
        partitions = max(session.sparkContext.defaultParallelism, entries // _ENTRIES_PER_PARTITION)
        settings, gather = {"spark.sql.shuffle.partitions": str(partitions)}, "rebalance(day)"
    for name, value in settings.items():
        session.conf.set(name, value)
    return gather


# --- quarantine -----------------------------------------------------------------------------------------------------


def _write_quarantine(
    session: SparkSession, manifest: Manifest, files: LakeFiles, counts: Mapping[str, Counted]
) -> Iterator[tuple[str, str]]:
    """Write the quarantine file of each date that needs one; yields (date, key). One date is in memory at a time."""
    if not any(counted.quarantined or counted.leaves for counted in counts.values()):
        return
    keys = {day.day: day.quarantine_key for day in manifest.days}
    rows = session.sql(tables.QUARANTINE_SELECT).toLocalIterator()
    for day, group in itertools.groupby(rows, key=lambda row: row["snapshot_date"].isoformat()):
        records = ({**row.asDict(), "snapshot_date": day} for row in group)
        files.write(keys[day], "".join(json.dumps(record) + "\n" for record in records).encode())
        yield day, keys[day]


# --- writing --------------------------------------------------------------------------------------------------------


def _write_tables(session: SparkSession, manifest: Manifest, files: LakeFiles, gather: str) -> None:
    """Write the seven tables, several at once: one file per table and date, more only where a date is large."""

    def write(table: tuple[str, str]) -> None:
        name, select = table
        rows = session.sql(f"select /*+ {gather} */ *, cast(snapshot_date as string) as day from ({select})")
        target = files.spark_path(manifest.table_prefixes[name])
        rows.write.mode("append").partitionBy("day").options(**_WRITE_OPTIONS).parquet(target)

    with ThreadPoolExecutor(_PARALLEL_WRITES) as pool:
        list(pool.map(write, tables.table_selects(tables.SPARK, manifest.run_id).items()))


_DAY_FOLDER = re.compile(r"day=(\d{4}-\d{2}-\d{2})/[^/]+\.parquet")


def _written(session: SparkSession, manifest: Manifest, files: LakeFiles) -> dict[tuple[str, str], list[DataFile]]:
    """The new files of each (table, date): sizes from the listing, rows from the Parquet footers."""
    sizes_by_table = {
        name: {key: size for key, size in files.list(prefix) if key.endswith(".parquet")}
        for name, prefix in manifest.table_prefixes.items()
    }
    # Spark would list every folder in a task of its own, and there is a folder for each table and date.
    cores = session.sparkContext.defaultParallelism
    session.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", str(cores))
    filled = [files.spark_path(manifest.table_prefixes[name]) for name, sizes in sizes_by_table.items() if sizes]
    if not filled:
        return {}
    # Without a column Spark answers from the footers alone.
    counted = (
        session.read.schema("snapshot_date date")
        .option("recursiveFileLookup", "true")
        .parquet(*filled)
        .groupBy("_metadata.file_path")
        .count()
        .toLocalIterator()
    )
    rows = {unquote(row["file_path"]): row["count"] for row in counted}
    by_key = {
        path[path.index(f"/{prefix}") + 1 :]: count
        for path, count in rows.items()
        for prefix in manifest.table_prefixes.values()
        if f"/{prefix}" in path
    }
    written: dict[tuple[str, str], list[DataFile]] = {}
    for name, sizes in sizes_by_table.items():
        for key, size in sizes.items():
            folder = _DAY_FOLDER.fullmatch(key.removeprefix(manifest.table_prefixes[name]))
            if folder is None or key not in by_key:
                raise RuntimeError(f"{key} is not a Parquet file of {name} where one belongs: build the dates again")
            written.setdefault((name, folder[1]), []).append(DataFile(key, by_key[key], size))
    return written
