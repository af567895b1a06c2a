"""What Spark's workers stage holds all that the tables need; DuckDB reads the same relations from what is staged,
without Spark."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from glue_scripts import tables
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.lake_files import LakeFiles
from glue_scripts.spark_reader import BAD_LINES, Counted, stage_pass
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import as_set, day_sources, put_raw
from spotify_assets_tests.oddities import DAY, day_of_playlists
from spotify_assets_tests.reference_tables import Raw, expected

ODD = [raw for raw in day_of_playlists(3) if len({offset for offset, _ in raw.pages}) == 2]
"""Those whose two pages begin at different positions, as Spotify's do."""
TORN = Raw("torn".ljust(22, "0"), {"name": "T"}, [(0, [e.entry(e.track("A"))]), (1, [e.entry(e.track("B"))])])
LOST = Raw("lost".ljust(22, "0"), {"name": "L"}, [(0, [e.entry(e.track("C"))])])


@pytest.fixture
def staged(store: ObjectStore) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Counted]]]:
    """An odd day of which one object has lines that are no pages and another is no gzip, staged in two passes."""
    for raw in ODD:
        put_raw(store, raw)
    torn = put_raw(store, TORN)
    store.put(torn, gzip.compress(gzip.decompress(store.get(torn)) + b"\n{nonsense\n{again"))
    store.put(put_raw(store, LOST), b"not gzip")
    sources = day_sources(store, DAY).sources
    files = LakeFiles(store.url().rstrip("/"))
    counted = [
        count
        for number, some in enumerate((sources[:3], sources[3:]))
        for count in stage_pass(files, some, f"staging/{number}.parquet")
    ]
    with duckdb.connect() as connection, store.local_files(["staging/0.parquet", "staging/1.parquet"]) as paths:
        read = "from read_parquet($1) order by source_key desc, page_offset desc, entry_index desc"  # any order will do
        connection.execute(f"create table judged as {read}", [[str(path) for path in paths.values()]])
        for name, select in {"bad_lines": BAD_LINES, **tables.relations(tables.DUCKDB)}.items():
            connection.execute(f"create view {name} as {select}")
        yield connection, counted


def test_every_table_is_as_calculated(staged: tuple[duckdb.DuckDBPyConnection, list[Counted]]) -> None:
    connection, _ = staged
    want = expected([*ODD, replace(TORN, complete=False)])

    for table, select in tables.table_selects(tables.DUCKDB, "run-1").items():
        columns = [name for name in LAKE_TABLES[table].column_names if name not in ("snapshot_date", "run_id")]
        found = connection.execute(f"select {', '.join(columns)} from ({select})").fetchall()
        assert as_set(found) == want.tables[table], table


def test_what_cant_be_read_is_listed_with_its_line(staged: tuple[duckdb.DuckDBPyConnection, list[Counted]]) -> None:
    connection, counted = staged
    want = expected(ODD)

    listed = connection.execute(
        f"select playlist_id, line, entry_index, reason, path from ({tables.QUARANTINE_SELECT}) as listed"
    ).fetchall()

    assert [row[:4] for row in listed if row[0] == TORN.playlist_id] == [
        (TORN.playlist_id, 3, None, "line is not JSON"),
        (TORN.playlist_id, 4, None, "line is not JSON"),
    ]
    ((_, line, index, reason, _),) = [row for row in listed if row[0] == LOST.playlist_id]
    assert (line, index, reason.partition(":")[0]) == (1, None, "object is not readable as gzip")
    entries = [row for row in listed if row[0] not in (TORN.playlist_id, LOST.playlist_id)]
    assert sorted((line, index) for _, line, index, _, path in entries if path is None) == sorted(
        (line, index) for line, index, _ in want.quarantined
    )
    leaves = [(line, -1 if index is None else index, path) for _, line, index, _, path in entries if path is not None]
    assert sorted(leaves) == sorted((line, -1 if index is None else index, path) for line, index, path in want.leaves)
    total = sum((replace(count, content=0) for count in counted), Counted(DAY.isoformat()))
    assert total == Counted(
        DAY.isoformat(),
        entries=sum(raw.entries for raw in (*ODD, TORN)) + 3,
        quarantined=len(want.quarantined) + 3,
        leaves=len(want.leaves),
    )
