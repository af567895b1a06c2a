"""The Spark engine on two local cores beside the usual Glue script: explode three times, deduplicate, CSV."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Measured, in_own_process
from benchmarks.raw_lakes import write_raw_lake
from spotify_assets.engines.engine import DaySources
from spotify_assets.engines.spark_engine import SparkEngine, build_days
from spotify_assets.lake import state
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_engine = SparkEngine(cores="2")


def main() -> None:
    """1,000 entries, 200,000 entries on one date, and the same 3,650 entries on 5 dates and on 365."""
    for objects, entries, days in ((10, 100, 1), (2_000, 100, 1), (365, 10, 5), (365, 10, 365)):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            dates = write_raw_lake(root, objects=objects, entries=entries, days=days)
            files = sorted((root / "raw").rglob("*.gz"))
            what = f"{objects * entries:,} entries on {days} date{'s' if days > 1 else ''}"
            engine = in_own_process(partial(engine_pass, root, dates), warm=_start)
            _report(f"Spark engine, {what}, seven tables", engine)
            if days == 1:
                usual = in_own_process(partial(explode_three_times, files, root / "usual"), warm=_start)
                _report("  the usual script, three CSV tables", usual)
                print(f"    ratio {engine.seconds / usual.seconds:.2f}")


def _report(what: str, measured: Measured) -> None:
    print(f"  {what:<58} {measured.seconds:8.2f} s", flush=True)


def _start() -> None:
    """Start the JVM; Spark's first job is part of what is measured."""
    _engine.session()


def engine_pass(root: Path, days: list[dt.date]) -> None:
    """What a step does: list the raw objects, build the tables, all dates in one job."""
    store = ObjectStore.open(root.as_uri())
    spark = _engine.session()
    work = [DaySources(day, found) for day, found in state.read_current_sources(store, days).items()]
    started = time.process_time()
    built = list(build_days(spark, store, "bench", work))
    files = sum(len(table.files) for day in built for table in day.tables.values())
    java, heap = _java_memory(spark)
    print(
        f"    {files} files; Python driver {time.process_time() - started:.1f} CPU-s; "
        f"JVM peak {java:.0f} MiB, heap in use after {heap:.0f} MiB",
        flush=True,
    )


def explode_three_times(files: list[Path], out: Path) -> None:
    """The usual Glue script, written for this benchmark: infer the schema, explode per table, drop duplicates, CSV."""
    from pyspark.sql import functions as f

    spark = _engine.session()
    pages = spark.read.json([str(file) for file in files])
    for name, columns in _USUAL.items():
        items = pages.select(f.explode("page.items").alias("item"))
        if name == "artists":
            items = items.select(f.explode("item.track.artists").alias("item"))
        table = items.select(*(f.col(path).alias(alias) for alias, path in columns.items()))
        table.dropDuplicates([next(iter(columns))]).write.mode("overwrite").csv(str(out / name), header=True)


_USUAL = {
    "albums": {
        "album_id": "item.track.album.id",
        "name": "item.track.album.name",
        "release_date": "item.track.album.release_date",
        "total_tracks": "item.track.album.total_tracks",
        "url": "item.track.album.external_urls.spotify",
    },
    "artists": {"artist_id": "item.id", "name": "item.name", "url": "item.href"},
    "songs": {
        "song_id": "item.track.id",
        "name": "item.track.name",
        "duration_ms": "item.track.duration_ms",
        "url": "item.track.external_urls.spotify",
        "popularity": "item.track.popularity",
        "added_at": "item.added_at",
        "album_id": "item.track.album.id",
    },
}


def _java_memory(spark: SparkSession) -> tuple[float, float]:
    """(peak resident MiB of the JVM, MiB of heap in use after a collection)."""
    java: Any = spark.sparkContext._jvm.java.lang  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    pid = java.ProcessHandle.current().pid()
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    java.System.gc()
    runtime = java.Runtime.getRuntime()
    return peak / 1024, (runtime.totalMemory() - runtime.freeMemory()) / 1024**2


if __name__ == "__main__":
    main()
