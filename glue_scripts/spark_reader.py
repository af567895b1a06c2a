"""How Spark reads raw objects: workers read a few at a time with `raw_reader` and hand the JVM `judged` as Arrow.

The columns are flat, one for every leaf and list, because Spark's cache reads single columns but structs only whole.
Their types are written down here, never inferred. Needs pyspark, duckdb, and pyarrow, which Glue 5 has.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glue_scripts import tables
from glue_scripts.lake_files import LakeFiles
from glue_scripts.raw_reader import CARRIED, BadLine, RawObject, read_judged

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import types as t

OBJECTS_PER_PASS = 50
"""Raw objects a worker reads together."""

ROWS_PER_BATCH = 10_000
"""Rows of an Arrow batch: some ten megabytes, on either side."""

_MEMORY_LIMIT = "500MB"
"""DuckDB's bound in a worker; beyond it DuckDB spills to the worker's scratch folder."""

_OBJECTS_PER_TASK = 1_000
"""Raw objects of a task where there are more than cores can share; its memory holds one pass of them."""

COLUMNS: Mapping[str, tables.Shape] = {**tables.JUDGED, **CARRIED, "bad_line": "bigint", "bad_reason": "text"}
"""What is read: `judged`, and rows with nothing but date, object and playlist for lines that are no pages."""

_STRUCTS = "|".join(name for name, shape in COLUMNS.items() if isinstance(shape, dict))
_STRUCT_PATH = re.compile(rf"\b(?:{_STRUCTS})(?:\.\w+)+")
_STRUCT = re.compile(rf"(?<![`.])\b(?:{_STRUCTS})\b(?=[, ])")


@dataclass(frozen=True)
class Source:
    """A raw object of the manifest. `day` is its snapshot date, `etag` what the object must still be."""

    day: dt.date
    key: str
    etag: str
    playlist_id: str


def read_sources(session: SparkSession, files: LakeFiles, sources: Sequence[Source]) -> DataFrame:
    """COLUMNS of `sources`, flat. A source that is gone or was replaced fails the job, named."""
    context = session.sparkContext
    tasks = max(min(len(sources), max(context.defaultParallelism, len(sources) // _OBJECTS_PER_TASK)), 1)
    shared = context.broadcast(sources)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        numbers = (number for batch in batches for number in batch.column(0).to_pylist())
        return read_batches(files, (shared.value[number] for number in numbers))

    return session.range(0, len(sources), 1, tasks).mapInArrow(read, _spark_schema())


def with_flat_columns(select: str) -> str:
    """A SELECT of `tables` over flat columns: `item.album.name` is a column called so, `item` stands for all of its."""

    def columns(struct: re.Match[str]) -> str:
        return ", ".join(f"`{path}`" for path, _ in _leaves({struct[0]: COLUMNS[struct[0]]}))

    return _STRUCT.sub(columns, _STRUCT_PATH.sub(r"`\g<0>`", select))


def read_batches(files: LakeFiles, sources: Iterable[Source]) -> Iterator[pa.RecordBatch]:
    """On a worker: COLUMNS of `sources` in batches. Raises FileNotFoundError naming an object that is gone."""
    import duckdb

    left = iter(sources)
    while some := list(itertools.islice(left, OBJECTS_PER_PASS)):
        with tempfile.TemporaryDirectory(prefix="spotify_assets_") as folder, duckdb.connect(":memory:") as connection:
            scratch = Path(folder)
            connection.execute(f"set memory_limit = '{_MEMORY_LIMIT}'; set threads = 1")
            connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
            connection.execute("set temp_directory = ?", [str(scratch / "spill")])
            bad_lines = read_judged(connection, [_fetched(files, source, scratch) for source in some], scratch)
            _add_bad_lines(connection, bad_lines)
            columns = ", ".join(f'{path} as "{path}"' for path, _ in _leaves(COLUMNS))
            yield from connection.sql(f"select {columns} from rows").to_arrow_reader(ROWS_PER_BATCH)


def _fetched(files: LakeFiles, source: Source, scratch: Path) -> RawObject:
    path = files.local_path(source.key)
    if path is None:
        path = scratch / source.key.replace("/", "_")
        path.write_bytes(files.read(source.key, source.etag))
    elif not path.is_file():
        raise FileNotFoundError(f"{path} is no longer there: build the date again")
    return RawObject(source.day, source.key, source.playlist_id, path)


def _add_bad_lines(connection: duckdb.DuckDBPyConnection, bad_lines: Sequence[BadLine]) -> None:
    """Create `rows`: `judged` and one row per bad line."""
    connection.execute(
        "create temp table bad_lines (snapshot_date date, source_key varchar, playlist_id varchar, bad_line bigint, "
        "bad_reason varchar)"
    )
    for bad in bad_lines:
        connection.execute(
            "insert into bad_lines values (?, ?, ?, ?, ?)",
            [bad.raw.day, bad.raw.key, bad.raw.playlist_id, bad.line, bad.reason],
        )
    connection.execute("create temp view rows as select * from judged union all by name select * from bad_lines")


# --- columns --------------------------------------------------------------------------------------------------------


def _leaves(shapes: Mapping[str, tables.Shape], path: str = "") -> Iterator[tuple[str, tables.Shape]]:
    """(path, shape) of every leaf and list."""
    for name, shape in shapes.items():
        if isinstance(shape, dict):
            yield from _leaves(shape, f"{path}{name}.")
        else:
            yield f"{path}{name}", shape


def _spark_schema() -> t.StructType:
    from pyspark.sql import types as t

    return t.StructType([t.StructField(path, _spark_type(shape)) for path, shape in _leaves(COLUMNS)])


def _spark_type(shape: tables.Shape) -> t.DataType:
    from pyspark.sql import types as t

    if isinstance(shape, str):
        return {"text": t.StringType(), "date": t.DateType(), "bigint": t.LongType()}[shape]
    if isinstance(shape, list):
        return t.ArrayType(_spark_type(shape[0]))
    return t.StructType([t.StructField(name, _spark_type(part)) for name, part in shape.items()])
