"""The Spark engine against DuckDB, row for row, on everything that can stand in a raw object."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from glue_scripts import spark_reader, spark_tables
from glue_scripts.commit import Source
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.lake_files import LakeFiles
from glue_scripts.spark_reader import COLUMNS, Counted, stage_pass
from spotify_assets.engines import spark_engine
from spotify_assets.engines.spark_runs import make_manifest
from spotify_assets.lake import layout
from spotify_assets.spotify.sandbox.server import Sandbox
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.engine_parity import assert_engines_agree, work
from spotify_assets_tests.lakes import put_raw, rows
from spotify_assets_tests.recorded import EITHER, Payloads
from spotify_assets_tests.reference_tables import Raw, expected

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(3)]

ODD_VALUES = [
    None,
    True,
    False,
    "",
    "x",
    "null",
    "true",
    "1",
    "0",
    0,
    1,
    -1,
    -0.0,
    7.5,
    1.0,
    1e3,
    1e22,
    1e-7,
    10**18,
    10**17,
    12345678901234567890,
    [],
    [1, None, "x"],
    {},
    {"a": [1, {"b": 'é"\\\n'}]},
    "12\n",
    " 12",
    "１２",
    "\x00",
    "😀",
    "0000",
    "1999",
    "1999-02",
    "1999-02-30",
    "1999-02-28",
    "2020-1-1",
    "1999\n",
    "2026-01-01T06:00:00Z",
    "2026-01-01T06:00:00",
    "2026-01-01T06:00:00.123456789Z",
    "2026-01-01T24:00:00Z",
    "2026-02-30T06:00:00Z",
    "2026-01-01T06:00:00+02:00",
    "2026-01-01",
    "1970-01-01T00:00:00Z",
    "spotify:local:a:b:c:1",
    "spotify:track:x",
    "::",
    "a:b",
]
"""What may stand where Spotify sends something else."""


def odd_value(random_: random.Random) -> object:
    """One of ODD_VALUES, its own copy: what is put into it must not stand elsewhere too."""
    return json.loads(json.dumps(random_.choice(ODD_VALUES)))


def odd_entry(random_: random.Random) -> object:
    """A sound entry with one to three values, names or lists replaced by something odd."""
    shapes = [
        lambda: e.entry(e.track(random_.choice("ABCDEFG"))),
        e.local_file,
        e.episode,
        lambda: e.entry(None),
        lambda: e.entry(e.track("New"), wrapper="item"),
        lambda: e.entry(e.track("B"), item=e.track("C")),
    ]
    found: Any = json.loads(json.dumps(random_.choice(shapes)()))
    for _ in range(random_.randrange(0, 3)):
        places = list(_places(found))
        if not places:
            return odd_value(random_)
        holder, name = random_.choice(places)
        holder[name] = odd_value(random_)
    return found


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything inside `value`."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in pairs:
        yield value, name
        yield from _places(part)


def odd_lake(store: ObjectStore, *, objects: int, entries: int, seed: int) -> None:
    """Raw objects of odd entries over three dates, with odd playlists and damaged objects among them."""
    random_ = random.Random(seed)
    for number in range(objects):
        playlist = {
            "name": f"P{number}",
            "owner": {"id": "o", "display_name": "d"},
            "public": True,
            "followers": {"total": 3},
            "images": [{"url": "u"}],
            "snapshot_id": "s",
            "description": "d",
        }
        for _ in range(random_.randrange(0, 3)):
            playlist[random_.choice(list(playlist))] = odd_value(random_)
        items = [odd_entry(random_) for _ in range(entries)]
        half = entries // 2
        key = put_raw(
            store, Raw(f"{number:022d}", playlist, [(0, items[:half]), (half, items[half:])], day=random_.choice(DAYS))
        )
        if number % 10 == 3:
            damage(store, key, random_)


def damage(store: ObjectStore, key: str, random_: random.Random) -> None:
    """Spoil a raw object in one of the ways storage and people do."""
    text = gzip.decompress(store.get(key))
    first, rest = text.split(b"\n", 1)
    spoilt = random_.choice(
        [
            b"{nonsense\n" + text,
            first + b"\n\n" + rest,
            text + b'\n{"x": "\xff"}',
            text + b'\n{"offset": 1, "total": 1}',
            text.replace(b'"extracted_at": "', b'"extracted_at": 7, "other": "', 1),
            text + b'\n{"a": "\\ud800"}',
            first.replace(b'"offset": 0', b'"offset": -1') + b"\n" + rest,
            b"[]\n" + text,
            text + b'\n"x"',
            first + b" trailing\n" + rest,
        ]
    )
    cut = gzip.compress(text)[:-12]
    nothing = random_.choice([b"", gzip.compress(b""), gzip.compress(b"\n \n")])
    store.put(key, random_.choice([gzip.compress(spoilt), gzip.compress(spoilt), cut, b"not gzip at all", nothing]))


def test_odd_entries_playlists_and_damaged_objects_are_read_and_quarantined_alike(
    spark: SparkSession, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Spark builds many entries: `test_oddities` has few, against the calculation, and the soak has both."""
    monkeypatch.setattr(spark_tables, "_FEW_ENTRIES", 0)
    monkeypatch.setattr(spark_reader, "OBJECTS_PER_PASS", 15)
    odd_lake(store, objects=40, entries=30, seed=1)

    by_duckdb, by_spark = assert_engines_agree(spark, store)

    assert sum(built.quarantined for built in by_duckdb) > 40
    assert sum(built.unread_leaves for built in by_duckdb) > 40
    assert all(built.tables[table].rows for built in by_duckdb for table in LAKE_TABLES)
    assert {len(built.tables[table].files) for built in by_spark for table in LAKE_TABLES} == {1}


def test_several_dates_are_one_job_that_agrees_with_plain_python(
    spark: SparkSession, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is the contract's; what an earlier attempt left is neither read nor taken for this one's."""
    import duckdb

    monkeypatch.setattr(spark_reader, "OBJECTS_PER_PASS", 1)
    raws = [
        Raw(e.spotify_id(f"p{number}"), {"name": "P"}, [(0, [e.entry(e.track(name)) for name in names])], day=day)
        for day in DAYS
        for number, names in enumerate(("AB", "BCC", ""))
    ]
    for raw in raws:
        put_raw(store, raw)
    left = "tables/songs/run=run-1/day=2026-01-01/part-00000-left.parquet"
    left_staged = f"{layout.staging_prefix('run-1')}left/pass-000000.parquet"
    for key in (left, left_staged):
        store.put(key, b"half a file")

    built = list(spark_engine.build_days(spark, store, "run-1", work(store)))

    for day in built:
        want = expected(raw for raw in raws if raw.day == day.day)
        assert day.entries == day.tables["playlist_items"].rows == 5
        assert day.run_id.startswith("run-1-")
        for table, contract in LAKE_TABLES.items():
            assert set(rows(store, day, table)) == want.tables[table]
            (file,) = day.tables[table].files
            with store.local_files([file.key]) as paths:
                relation = duckdb.read_parquet(str(paths[file.key]), hive_partitioning=False)
                assert tuple(relation.columns) == contract.column_names
                assert [str(kind) for kind in relation.types] == [column.type.duckdb for column in contract.columns]
                assert set(relation.project("snapshot_date, run_id").fetchall()) == {(day.day, day.run_id)}
                packed = "select distinct compression from parquet_metadata(?)"
                assert duckdb.execute(packed, [str(paths[file.key])]).fetchall() == [("ZSTD",)]
    keys = {file.key for day in built for table in day.tables.values() for file in table.files}
    assert {found.key for found in store.list("tables/")} == {*keys, left}
    assert [found.key for found in store.list("staging/")] == [left_staged]


@dataclass
class Settings:
    """As much of a session as is asked for the size of a build; what was set."""

    defaultParallelism: int = 4  # noqa: N815 - Spark's name
    set: dict[str, str] = field(default_factory=dict)

    @property
    def conf(self) -> SimpleNamespace:
        return SimpleNamespace(set=self.set.__setitem__)

    @property
    def sparkContext(self) -> Settings:  # noqa: N802 - Spark's name
        return self


@pytest.mark.parametrize(
    ("entries", "hint", "partitions"),
    [
        (0, "coalesce(1)", "1"),
        (spark_tables._FEW_ENTRIES - 1, "coalesce(1)", "1"),
        (spark_tables._FEW_ENTRIES, "rebalance(day)", "4"),
        (9 * spark_tables._ENTRIES_PER_PARTITION + 1, "rebalance(day)", "9"),
    ],
)
def test_few_entries_are_one_partition_and_many_are_as_many_as_pay_off(
    entries: int, hint: str, partitions: str
) -> None:
    session = Settings()

    assert spark_tables._size(cast("SparkSession", session), entries) == hint
    assert session.set["spark.sql.shuffle.partitions"] == partitions


@pytest.mark.parametrize(("place", "rows"), [("", 1), ("day=2026-01-01/", 0)], ids=["of no date", "without a row"])
def test_a_file_that_no_build_writes_is_named_and_makes_no_commit(
    spark: SparkSession, store: ObjectStore, tmp_path: Path, place: str, rows: int
) -> None:
    import duckdb

    written = tmp_path / "odd.parquet"
    duckdb.execute(f"copy (select date '2026-01-01' as snapshot_date from range({rows})) to '{written}'")
    manifest = make_manifest("run-1", "spark", [])
    key = f"{manifest.table_prefixes['songs']}{place}odd.parquet"
    store.put(key, written.read_bytes())

    with pytest.raises(RuntimeError, match=f"{key} is not a Parquet file of songs where one belongs"):
        spark_tables._written(spark.newSession(), manifest, LakeFiles(store.url().rstrip("/")))


def test_a_raw_object_that_is_gone_stops_the_build_and_is_named(spark: SparkSession, store: ObjectStore) -> None:
    key = put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])]))
    days = work(store)
    store.delete([key])

    with pytest.raises(Exception, match=key):
        list(spark_engine.build_days(spark, store, "run-1", days))
    assert list(store.list("staging/")) == []


def test_a_task_that_runs_again_stages_nothing_twice(store: ObjectStore) -> None:
    import duckdb

    key = put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track(name)) for name in "AB"])]))
    files, source = LakeFiles(store.url().rstrip("/")), Source(key, "any")

    counted = [stage_pass(files, [source], "staging/run=r_1/pass-000000.parquet") for _ in range(2)]

    (first,), (second,) = counted
    assert first == second
    assert replace(first, content=0) == Counted("2026-01-01", entries=2, quarantined=0)
    (staged,) = store.list("staging/")
    with store.local_files([staged.key]) as paths:
        assert duckdb.read_parquet(str(paths[staged.key])).columns == list(COLUMNS)
        assert len(duckdb.read_parquet(str(paths[staged.key]))) == 2


@pytest.mark.parametrize("payloads", [EITHER[0], EITHER[-1]])
def test_payloads_of_every_recorded_shape_and_the_sandbox_give_the_same_rows_as_duckdb(
    spark: SparkSession, store: ObjectStore, payloads: Payloads
) -> None:
    for raw in [*payloads.raws(), *sandbox_snapshots()]:
        put_raw(store, raw)

    by_duckdb, by_spark = assert_engines_agree(spark, store)

    assert len(by_spark) >= len(SANDBOX_DAYS)
    assert sum(built.entries for built in by_duckdb) > 300


SANDBOX_DAYS = [dt.date(2026, 3, 1)]


def sandbox_snapshots() -> Iterator[Raw]:
    """Every playlist of the sandbox on a day, in pages of 50."""
    for day in SANDBOX_DAYS:
        sandbox = Sandbox(day)
        for playlist_id, playlist in sandbox.playlists.items():
            head = json.loads(sandbox.answer("GET", f"/playlists/{playlist_id}", {}).body)
            collection = "items" if playlist.shape == "new" else "tracks"
            pages, offset = [], 0
            while playlist.answers == 200:
                query = {"limit": ["50"], "offset": [str(offset)]}
                page = json.loads(sandbox.answer("GET", f"/playlists/{playlist_id}/{collection}", query).body)
                pages.append((offset, page["items"]))
                offset += 50
                if offset >= page["total"]:
                    break
            if pages:
                yield Raw(
                    playlist_id,
                    {name: value for name, value in head.items() if name not in ("tracks", "items")},
                    pages,
                    day,
                    f"{day}T06:00:00Z",
                )


@pytest.fixture(params=[0, 10**9], ids=["many", "few"])
def either_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built counts as many entries, and as few, which Spark builds in different ways."""
    monkeypatch.setattr(spark_tables, "_FEW_ENTRIES", request.param)


@pytest.mark.soak
@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("seed", range(20))
def test_many_odd_lakes_agree(spark: SparkSession, store: ObjectStore, seed: int) -> None:
    odd_lake(store, objects=60, entries=100, seed=seed)

    assert_engines_agree(spark, store)


@pytest.mark.soak
def test_two_hundred_thousand_odd_entries_agree(spark: SparkSession, store: ObjectStore) -> None:
    odd_lake(store, objects=2_000, entries=100, seed=99)
    built, _ = assert_engines_agree(spark, store)
    assert sum(day.entries for day in built) > 180_000  # damaged objects are a line each
    assert sum(day.quarantined for day in built) > 5_000
    assert sum(day.unread_leaves for day in built) > 5_000
