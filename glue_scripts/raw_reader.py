"""How raw objects are read: from gzipped JSON lines to the relation `judged` of `tables`, in one pass, by DuckDB.

The DuckDB engine reads all objects of its dates so, Spark's workers a few objects at a time (`spark_reader`): one
reader, so that what counts as a line, a kind or the text of a leaf can't differ between the engines. The fast path
reads all objects in one pass and is strict about lines. Should a line not be a page at all (a damaged object), the slow
path finds it, and the rest is read without it. Needs duckdb.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glue_scripts import judging, tables
from glue_scripts.commit import Source

if TYPE_CHECKING:
    import duckdb

_NO_LINE = "object holds no line"

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest line read, bytes; what the extraction writes is far shorter."""


@dataclass(frozen=True)
class BadLine:
    """A line of a raw object that is no page; `line` is 1-based."""

    source: Source
    line: int
    reason: str


def unreadable(error: OSError) -> str:
    """Why an object's bytes can't be had, in a few words that name it."""
    return f"{error.filename} can't be read ({error.strerror})"


CARRIED: dict[str, tables.Shape] = {
    "total": "bigint",
    "complete": "text",
    "extracted_at": "text",
    "playlist": tables.PLAYLIST,
}
"""What `judged` keeps for `snapshots`; `playlist` is set with the first element of a page."""


def read_judged(connection: duckdb.DuckDBPyConnection, files: Mapping[Source, Path], scratch: Path) -> None:
    """Create the tables `judged` (`tables.JUDGED`), with CARRIED, and `bad_lines` from raw objects of any dates, each
    with a file that holds its bytes.

    `scratch` is a folder for what has to be rewritten without lines that are no pages. Raises OSError when an object
    can't be read: only bytes that are there and can't be decoded are damage.
    """
    import duckdb

    connection.execute(
        "create or replace table bad_lines (snapshot_date date, source_key varchar, line bigint, entry_index bigint, "
        "playlist_id varchar, reason varchar)"
    )
    try:
        _read(connection, files)
    except duckdb.Error:
        readable, bad_lines = _without_bad_lines(connection, files, scratch)
        if not bad_lines:
            raise  # the failure lies elsewhere: memory, disk, a defect
        _read(connection, readable)
        connection.executemany(
            "insert into bad_lines values (?, ?, ?, null, ?, ?)",
            [[bad.source.day, bad.source.key, bad.line, bad.source.playlist_id, bad.reason] for bad in bad_lines],
        )
    # An object without a line is no error to DuckDB, and would be missing from its date in silence.
    connection.execute(
        f"""
        insert into bad_lines
        select snapshot_date, source_key, 1, null, playlist_id, '{_NO_LINE}'
        from sources where source_key not in (select source_key from judged union select source_key from bad_lines)
        """
    )


def _read(connection: duckdb.DuckDBPyConnection, files: Mapping[Source, Path]) -> None:
    paths = [str(path) for path in files.values()]
    connection.execute(
        """
        create or replace temp table sources as
        select unnest($paths) as path, unnest($keys) as source_key, unnest($days) as snapshot_date,
            unnest($playlist_ids) as playlist_id
        """,
        {
            "paths": paths,
            "keys": [source.key for source in files],
            "days": [source.day for source in files],
            "playlist_ids": [source.playlist_id for source in files],
        },
    )
    # An empty page keeps one row without an element, so that its playlist is not lost.
    connection.execute(
        f"""
        create or replace table judged as
        with parsed as (
        select * exclude (playlist), case when whole is null then {_kinds()} end as kinds,
            case when coalesce(entry_index, 0) = 0 then from_json(playlist, '{_structure(tables.PLAYLIST)}') end
                as playlist
        from (select *, {_WHOLE} as whole from (
            select *, from_json(element, '{_structure(tables.ENTRY)}') as entry
            from (
                select snapshot_date, source_key, playlist_id, playlist, cast("offset" as bigint) as page_offset,
                    cast(total as bigint) as total, complete ->> '$' as complete,
                    extracted_at ->> '$' as extracted_at,
                    unnest(
                        case when page.items is null or not ({_IS_PAGE}) then error('a line is no page')
                        when len(page.items) = 0 then [null] else page.items end
                    ) as element,
                    unnest(case when len(page.items) = 0 then [null] else range(len(page.items)) end) as entry_index
                from read_json(
                    $paths, format = 'newline_delimited', filename = true, hive_partitioning = false,
                    maximum_object_size = {MAX_LINE_BYTES}, columns = {_LINE_COLUMNS}
                ) join sources on filename = path
            )
        )))
        {judging.judged_select(tuple(CARRIED))}
        """,
        {"paths": paths},
    )


_LINE_COLUMNS = """{extracted_at: 'JSON', playlist: 'JSON', "offset": 'JSON', total: 'JSON', complete: 'JSON',
                    page: 'STRUCT(items JSON[])'}"""

_MOST_ENTRIES = 2**62
"""Positions count from offsets, and a BIGINT holds them below this."""

_IS_COUNT = f"coalesce(json_type({{0}}) = 'UBIGINT' and cast({{0}} as ubigint) < {_MOST_ENTRIES}, false)"
_IS_TEXT = "coalesce(json_type({0}) = 'VARCHAR', false)"
_IS_PAGE = " and ".join([_IS_COUNT.format('"offset"'), _IS_COUNT.format("total"), _IS_TEXT.format("extracted_at")])


def _structure(shape: tables.Shape) -> str:
    """`shape` in the notation of DuckDB's from_json."""
    if isinstance(shape, str):
        return '"VARCHAR"'
    if isinstance(shape, list):
        return f"[{_structure(shape[0])}]"
    return "{" + ",".join(f'"{name}":{_structure(part)}' for name, part in shape.items()) + "}"


_KIND_PATHS = list(dict.fromkeys(path for paths in judging.KIND_PATHS.values() for path in paths))


_IS_WHOLE = "entry.{0}.uri is not null and entry.{0}.artists is not null and entry.{0}.album.artists is not null"
_WHOLE = (
    f"case when {_IS_WHOLE.format('item')} then 'item' "
    f"when entry.item is null and {_IS_WHOLE.format('track')} then 'track' end"
)
"""`whole` of `judging`: the parsed form of a whole track shows what kinds of JSON it was made of. Beside a whole `item`
it does not matter what `track` is."""


def _kinds() -> str:
    """The STRUCT `kinds` of `judging`: the JSON is looked at a second time, all paths in one pass."""
    paths = ", ".join(f"'$.{path}'" if path else "'$'" for path in _KIND_PATHS)
    return f"list_transform([json_type(element, [{paths}])], lambda types: {_struct(_kind_of_types)})[1]"


def _struct(value: Callable[[str], str]) -> str:
    return "struct_pack(" + ", ".join(f"{name} := {value(name)}" for name in judging.KIND_PATHS) + ")"


def _kind_of_types(name: str) -> str:
    """The kind called `name`, from the list `types` of DuckDB's JSON types at `_KIND_PATHS`."""

    def type_at(path: str) -> str:
        return f"types[{_KIND_PATHS.index(path) + 1}]"

    first, *second = judging.KIND_PATHS[name]
    chosen = type_at(first)
    if second:
        chosen = f"case when {type_at('item')} = 'OBJECT' then {type_at(first)} else {type_at(second[0])} end"
    return (
        f"case coalesce({chosen}, 'NULL') when 'OBJECT' then 'object' when 'ARRAY' then 'array' "
        "when 'BOOLEAN' then 'boolean' when 'NULL' then 'null' else 'other' end"
    )


def _without_bad_lines(
    connection: duckdb.DuckDBPyConnection, files: Mapping[Source, Path], scratch: Path
) -> tuple[dict[Source, Path], list[BadLine]]:
    """The raw objects without the lines that are no pages (rewritten to `scratch` where needed), and those lines."""
    readable: dict[Source, Path] = {}
    bad_lines: list[BadLine] = []
    for number, (source, path) in enumerate(files.items()):
        good: list[bytes] = []
        bad: list[BadLine] = []
        for line, text in _lines(path):
            reason = text if isinstance(text, str) else _line_fault(connection, text)
            if reason:
                bad.append(BadLine(source, line, reason))
            elif isinstance(text, bytes):
                good.append(text)
        if not good and not bad:
            bad.append(BadLine(source, 1, _NO_LINE))
        readable[source] = scratch / f"readable_{number}.jsonl.gz" if bad else path
        if bad:
            readable[source].write_bytes(gzip.compress(b"\n".join(good), 1))
        bad_lines.extend(bad)
    return readable, bad_lines


def _lines(path: Path) -> Iterator[tuple[int, bytes | str]]:
    """The lines of a raw object, 1-based; a `str` in place of a line says why nothing can be read from there on."""
    line = 0
    try:
        with gzip.open(path) as file:
            while text := file.readline(MAX_LINE_BYTES + 1):
                line += 1
                if len(text) > MAX_LINE_BYTES:
                    yield line, f"line is longer than {MAX_LINE_BYTES} bytes"
                    return
                if text.strip():
                    yield line, text.rstrip(b"\n")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield line + 1, f"object is not readable as gzip: {error}"


def _line_fault(connection: duckdb.DuckDBPyConnection, text: bytes) -> str | None:
    """Why a line is no page, or None."""
    import duckdb

    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return "line is not UTF-8"
    try:
        shape = connection.execute(
            "select json_type(line, '$.page.items') = 'ARRAY', "
            f"{_IS_COUNT.format(_at('offset'))} and {_IS_COUNT.format(_at('total'))}, "
            f"{_IS_TEXT.format(_at('extracted_at'))} from (select $1::json as line)",
            [decoded],
        ).fetchone()
    except duckdb.Error:
        return "line is not JSON"
    assert shape is not None
    has_items, has_counts, has_moment = shape
    if not has_items:
        return "line has no list page.items"
    if not has_counts:
        return "line has no whole offset and total"
    return None if has_moment else "line has no text extracted_at"


def _at(name: str) -> str:
    return f"(line -> '$.{name}')"
