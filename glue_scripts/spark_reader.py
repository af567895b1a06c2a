"""How Spark reads raw objects: workers read a few at a time with `raw_reader` and stage `judged` as Parquet.

JSON is read once, whatever happens to an executor later, and Spark gets what it reads best: columns, whose structs it
reads only the asked parts of. Their types are written down here, never inferred. Needs pyspark and duckdb.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glue_scripts import tables
from glue_scripts.commit import Source, content_of
from glue_scripts.lake_files import PARALLEL_READS, LakeFiles
from glue_scripts.raw_reader import CARRIED, read_judged, unreadable

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import types as t

OBJECTS_PER_PASS = 200
"""Raw objects a worker reads together into one staged file. A pass costs 50 ms before it reads anything."""

_PASSES_PER_TASK = 5
"""The most that a task which fails does again. A worker begins every task by looking its modules up anew, 80 ms."""

_MEMORY_LIMIT = "500MB"
"""DuckDB's bound in a worker; beyond it DuckDB spills to the worker's scratch folder."""

COLUMNS: Mapping[str, tables.Shape] = {**tables.JUDGED, **CARRIED, "bad_line": "bigint", "bad_reason": "text"}
"""What is staged: `judged`, and rows with nothing but date, object and playlist for lines that are no pages."""

BAD_LINES = """
select snapshot_date, source_key, bad_line as line, cast(null as bigint) as entry_index, playlist_id,
    bad_reason as reason
from judged where bad_line is not null
"""
"""`bad_lines` of what is staged."""


@dataclass(frozen=True)
class Counted:
    """How many entries some raw objects of a date hold, how many of them can't be read (a line that is no page counts
    as one of both), and how many leaves. `content` is the sum of `content_of` each. `unread` says which object could
    not be read, and why: then the counts are not the date's."""

    day: str
    entries: int = 0
    quarantined: int = 0
    leaves: int = 0
    content: int = 0
    unread: str = ""

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            day=self.day,
            entries=self.entries + other.entries,
            quarantined=self.quarantined + other.quarantined,
            leaves=self.leaves + other.leaves,
            content=self.content + other.content,
            unread=self.unread or other.unread,
        )


def stage(context: SparkContext, files: LakeFiles, sources: Sequence[Source], prefix: str) -> list[Counted]:
    """Write COLUMNS of `sources` as Parquet under `prefix`. A source that is gone or was replaced fails the job, named.

    A task that runs twice writes the same files twice, under the same keys.
    """
    passes = [
        (f"{prefix}pass-{number:06d}.parquet", sources[at : at + OBJECTS_PER_PASS])
        for number, at in enumerate(range(0, len(sources), OBJECTS_PER_PASS))
    ]
    tasks = max(min(len(passes), context.defaultParallelism), math.ceil(len(passes) / _PASSES_PER_TASK), 1)

    def read(passes: Iterable[tuple[str, Sequence[Source]]]) -> Iterator[Counted]:
        return itertools.chain.from_iterable(stage_pass(files, some, key) for key, some in passes)

    return context.parallelize(passes, tasks).mapPartitions(read).collect()


def stage_pass(files: LakeFiles, sources: Sequence[Source], key: str) -> list[Counted]:
    """On a worker: COLUMNS of `sources` as one Parquet file at `key`. Nothing is staged when an object can't be read:
    then what is returned says which.

    Raises FileNotFoundError naming an object that is gone.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="spotify_assets_") as folder, duckdb.connect(":memory:") as connection:
        scratch = Path(folder)
        connection.execute(f"set memory_limit = '{_MEMORY_LIMIT}'; set threads = 1")
        connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
        connection.execute("set temp_directory = ?", [str(scratch / "spill")])
        fetched, unread = _fetched(files, sources, scratch)
        if unread:
            return unread
        read_judged(connection, {source: path for source, (path, _) in fetched.items()}, scratch)
        staged = scratch / "staged.parquet"
        select = f"select {', '.join(COLUMNS)} from ({_WITH_BAD_LINES})"
        connection.execute(f"copy ({select}) to '{staged}' (format parquet, compression zstd)")
        files.write(key, staged.read_bytes())
        for name in ("snapshots", "playlist_leaves"):
            connection.execute(f"create view {name} as {tables.relations(tables.DUCKDB)[name]}")
        counted = {str(day): Counted(day, *counts) for day, *counts in connection.execute(_COUNTS).fetchall()}
        for source, (_, content) in fetched.items():
            day = source.day.isoformat()
            counted[day] = counted.get(day, Counted(day)) + Counted(day, content=content)
        return list(counted.values())


_COUNTS = f"""
select cast(snapshot_date as varchar), entries::bigint, quarantined::bigint, leaves::bigint
from ({tables.COUNTS_SELECT})
"""


_WITH_BAD_LINES = """
from judged union all by name
select snapshot_date, source_key, playlist_id, line as bad_line, reason as bad_reason from bad_lines
"""


def _fetched(
    files: LakeFiles, sources: Sequence[Source], scratch: Path
) -> tuple[dict[Source, tuple[Path, int]], list[Counted]]:
    """A file of each source on this machine, with its `content_of`, and which can't be read. Several are fetched at
    once: on S3 each is 40 ms of waiting."""

    def fetch(source: Source) -> tuple[Path, int] | Counted:
        try:
            data = files.read(source.key, source.etag)
        except FileNotFoundError:
            raise
        except OSError as error:
            return Counted(source.day.isoformat(), unread=unreadable(error))
        path = files.local_path(source.key)
        if path is None:
            path = scratch / source.key.replace("/", "_")
            path.write_bytes(data)
        return path, content_of(source.key, data)

    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        results = dict(zip(sources, pool.map(fetch, sources), strict=True))
    return (
        {source: each for source, each in results.items() if not isinstance(each, Counted)},
        [each for each in results.values() if isinstance(each, Counted)],
    )


# --- types ----------------------------------------------------------------------------------------------------------


def schema() -> t.StructType:
    """COLUMNS as Spark's types."""
    from pyspark.sql import types as t

    return t.StructType([t.StructField(name, _spark_type(shape)) for name, shape in COLUMNS.items()])


def _spark_type(shape: tables.Shape) -> t.DataType:
    from pyspark.sql import types as t

    if isinstance(shape, str):
        return {"text": t.StringType(), "date": t.DateType(), "bigint": t.LongType()}[shape]
    if isinstance(shape, list):
        return t.ArrayType(_spark_type(shape[0]))
    return t.StructType([t.StructField(name, _spark_type(part)) for name, part in shape.items()])
