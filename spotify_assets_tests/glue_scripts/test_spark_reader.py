"""What Spark's workers stage holds all that the tables need; DuckDB reads the same relations from what is staged,
without Spark."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import duckdb
import pytest

from glue_scripts import spark_reader, tables
from glue_scripts.commit import Source, content_of
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.lake_files import LakeFiles
from glue_scripts.spark_reader import BAD_LINES, Counted, stage, stage_pass
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import as_set, day_sources, put_raw
from spotify_assets_tests.oddities import DAY, day_of_playlists
from spotify_assets_tests.reference_tables import Raw, expected

if TYPE_CHECKING:
    from pyspark import SparkContext

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


@dataclass
class InThisProcess:
    """As much of a SparkContext as staging uses; notes the number of tasks that it is asked for."""

    defaultParallelism: int = 2  # noqa: N815 - Spark's name
    tasks: list[int] = field(default_factory=list)

    def parallelize(self, passes: Iterable[object], tasks: int) -> Any:
        assert tasks > 0, "Spark takes no job without a task"
        self.tasks.append(tasks)

        def mapped(read: Callable[[Iterable[object]], Iterable[Counted]]) -> SimpleNamespace:
            return SimpleNamespace(collect=lambda: list(read(passes)))

        return SimpleNamespace(mapPartitions=mapped)


def one_by_one(store: ObjectStore, names: Iterable[str]) -> list[Source]:
    """Raw objects of an entry each."""
    raws = [Raw(e.spotify_id(name), {"name": name}, [(0, [e.entry(e.track(name))])]) for name in names]
    return [Source(put_raw(store, raw), "any") for raw in raws]


def staged_in(context: InThisProcess, store: ObjectStore, sources: list[Source]) -> list[Counted]:
    return stage(cast("SparkContext", context), LakeFiles(store.url().rstrip("/")), sources, "staging/")


def test_every_object_is_in_one_pass_and_its_bytes_are_in_the_count(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_reader, "OBJECTS_PER_PASS", 2)
    sources = one_by_one(store, "ABC")

    counted = staged_in(InThisProcess(), store, sources)

    contents = [content_of(source.key, store.get(source.key)) for source in sources]
    assert [(count.entries, count.content) for count in counted] == [(2, sum(contents[:2])), (1, contents[2])]
    assert [found.key for found in store.list("staging/")] == [
        f"staging/pass-00000{number}.parquet" for number in (0, 1)
    ]


@pytest.mark.parametrize(("passes", "tasks"), [(0, 1), (1, 1), (2, 2), (9, 2), (11, 3)])
def test_a_task_has_a_few_passes_and_every_core_one_where_there_are_so_many(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, passes: int, tasks: int
) -> None:
    monkeypatch.setattr(spark_reader, "OBJECTS_PER_PASS", 1)
    monkeypatch.setattr(spark_reader, "stage_pass", lambda *_: [])
    context = InThisProcess()

    staged_in(context, store, [Source("any", "any")] * passes)

    assert context.tasks == [tasks]


def test_of_a_pass_with_an_object_that_cannot_be_read_nothing_is_staged(store: ObjectStore) -> None:
    sources = one_by_one(store, "AB")
    store.delete([sources[0].key])
    store.put(f"{sources[0].key}/in its place", b"a folder, which is not read even by root")

    (counted,) = staged_in(InThisProcess(), store, sources)

    assert counted.unread.endswith("can't be read (Is a directory)")
    assert sources[0].key in counted.unread
    assert list(store.list("staging/")) == []


def test_an_object_that_is_gone_ends_the_pass(store: ObjectStore) -> None:
    """It was replaced: the date has other sources now, and is not one that waits for what it had."""
    sources = one_by_one(store, "AB")
    store.delete([sources[0].key])

    with pytest.raises(FileNotFoundError, match=f"{sources[0].key} is no longer there"):
        staged_in(InThisProcess(), store, sources)


def test_a_date_is_unread_whichever_of_its_passes_was() -> None:
    read, unread = Counted("2026-01-01", entries=1), Counted("2026-01-01", unread="raw/a can't be read")

    assert (read + unread).unread == (unread + read).unread == "raw/a can't be read"


def test_what_stands_twice_is_staged_as_often_as_it_is_counted(store: ObjectStore) -> None:
    """Or the date would never be built: Spark's rows are compared with what was read."""
    page = (0, [e.entry(e.track("A"))])
    source = Source(put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [page, page])), "any")

    (counted,) = staged_in(InThisProcess(), store, [source])

    with store.local_files(["staging/pass-000000.parquet"]) as paths:
        (path,) = paths.values()
        assert duckdb.read_parquet(str(path)).shape[0] == counted.entries == 2
