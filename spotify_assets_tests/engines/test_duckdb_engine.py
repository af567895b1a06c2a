"""The DuckDB engine against an independent calculation in plain Python."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from glue_scripts import raw_reader
from glue_scripts.commit import BuiltDay
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_day, build_days
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import as_set, day_sources, put_raw, rows
from spotify_assets_tests.reference_tables import Expected, Raw, Row, expected

DAY = dt.date(2026, 1, 1)
PLAYLIST = e.spotify_id("playlist")


def build(store: ObjectStore, *raws: Raw) -> tuple[BuiltDay, Expected]:
    for raw in raws:
        put_raw(store, raw)
    return build_day(store, "run-1", day_sources(store, DAY)), expected(raws)


@dataclass(frozen=True)
class Case:
    """A case that is one date of many in one build."""

    store: ObjectStore
    built: BuiltDay
    want: Expected

    def rows(self, table: str) -> list[Row]:
        return rows(self.store, self.built, table)

    def assert_equal(self) -> None:
        assert_equal(self.store, self.built, self.want)


def side_by_side(folder: Path, raws: Iterable[Raw]) -> list[Case]:
    """Build each of the raw objects as a date of its own, all in one pass: half of what one takes is for each pass."""
    store = ObjectStore.open(folder.as_uri())
    dated = [replace(raw, day=DAY + dt.timedelta(days=number)) for number, raw in enumerate(raws)]
    for raw in dated:
        put_raw(store, raw)
    return [Case(store, day, expected([raw])) for day, raw in zip(build_dates(store, len(dated)), dated, strict=True)]


def build_dates(store: ObjectStore, count: int) -> list[BuiltDay]:
    """The first `count` dates, in one pass."""
    days = [DAY + dt.timedelta(days=number) for number in range(count)]
    return build_days(store, "run-1", [day_sources(store, day) for day in days])


def of(*items: object, playlist_id: str = PLAYLIST, **playlist: object) -> Raw:
    return Raw(playlist_id, {"name": "Test", **playlist}, [(0, list(items))])


def assert_equal(store: ObjectStore, built: BuiltDay, want: Expected) -> None:
    for table in LAKE_TABLES:
        assert as_set(rows(store, built, table)) == want.tables[table], table
    assert built.quarantined == len(want.quarantined)
    assert built.unread_leaves == len(want.leaves)
    assert built.entries == built.tables["playlist_items"].rows + built.quarantined


PROBES = {
    "null track": e.entry(None),
    "missing track key": e.without(e.entry(None), "track"),
    "local file": e.local_file(),
    "podcast episode": e.episode(),
    "release date 1977": e.entry(e.track("A", album=e.album("L", release_date="1977", release_date_precision="year"))),
    "release date 1977-05": e.entry(
        e.track("A", album=e.album("L", release_date="1977-05", release_date_precision="month"))
    ),
    "release date 0000": e.entry(e.track("A", album=e.album("L", release_date="0000", release_date_precision="year"))),
    "null added_at": e.entry(e.track("A"), added_at=None, added_by=None),
    "absent popularity": e.entry(e.without(e.track("A"), "popularity")),
    "item instead of track": e.entry(e.track("A"), wrapper="item"),
    "comma, double quote and newline in a name": e.entry(e.track('Say "no", \n again')),
}


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    around = [of(e.entry(e.track("Before")), probe, e.entry(e.track("After"))) for probe in PROBES.values()]
    return dict(zip(PROBES, side_by_side(tmp_path_factory.mktemp("probes"), around), strict=True))


@pytest.mark.parametrize("probe", PROBES)
def test_an_awkward_but_legal_record_loses_nothing_and_harms_no_other(probes: dict[str, Case], probe: str) -> None:
    case = probes[probe]

    case.assert_equal()
    assert case.built.tables["playlist_items"].rows == 3
    assert case.built.quarantined == 0


def test_an_empty_playlist_is_a_snapshot_without_items(store: ObjectStore) -> None:
    built, want = build(store, of())

    assert_equal(store, built, want)
    assert built.tables["playlists"].rows == 1
    assert built.tables["songs"].files == ()


def test_a_part_of_a_playlist_keeps_its_positions_and_its_playlist(store: ObjectStore) -> None:
    pages = [(100, [e.entry(e.track("B"))]), (50, [e.entry(e.track("A")), e.entry(None)])]
    built, want = build(store, Raw(PLAYLIST, {"name": "A part"}, sorted(pages), total=200))

    assert_equal(store, built, want)
    assert [row[1] for row in rows(store, built, "playlist_items")] == [50, 51, 100]


def test_the_same_song_twice_keeps_both_positions_and_one_song(store: ObjectStore) -> None:
    built, want = build(store, of(e.entry(e.track("Twice")), e.entry(e.track("Twice"))))

    assert_equal(store, built, want)
    assert (built.tables["playlist_items"].rows, built.tables["songs"].rows) == (2, 1)


def test_both_wrappers_old_and_new_are_read_alike(store: ObjectStore) -> None:
    both = e.entry(e.track("Both"), item=e.track("Both"))
    built, want = build(store, of(both, e.entry(e.track("New"), wrapper="item"), e.entry(e.track("Old"))))

    assert_equal(store, built, want)


def test_of_two_wrappers_the_new_one_is_read_however_little_it_holds(store: ObjectStore) -> None:
    both = {**e.entry(e.track("Old")), "item": e.without(e.track("New"), "album")}

    built, want = build(store, of(both))

    assert {row[2] for row in rows(store, built, "songs")} == {"New"}
    assert_equal(store, built, want)


def test_the_boolean_track_flag_is_no_wrapper(store: ObjectStore) -> None:
    built, want = build(store, of(e.entry(True), e.entry(e.track("Real"), wrapper="item", track=True)))

    assert_equal(store, built, want)
    assert [row[2] for row in rows(store, built, "playlist_items")] == ["missing", "track"]


def test_several_credits_keep_their_order_and_resolve(store: ObjectStore) -> None:
    credits = [e.artist("First"), None, e.artist("Second"), {"id": None, "name": "Nobody"}, e.artist("First")]
    compilation = e.album("Various", artists=[e.artist("Various Artists")])
    built, want = build(store, of(e.entry(e.track("Duet", artists=credits, album=compilation))))

    assert_equal(store, built, want)
    assert {row[2] for row in rows(store, built, "song_artists")} == {0, 2}


def test_a_non_empty_name_wins_then_the_smallest_playlist_and_position(store: ObjectStore) -> None:
    withdrawn = e.track("Song", name="", artists=[e.artist("Various Artists", name="")])
    built, want = build(
        store,
        of(e.entry(withdrawn), playlist_id="a" * 22),
        of(e.entry(e.track("Song", duration_ms=1)), e.entry(e.track("Song", duration_ms=2)), playlist_id="b" * 22),
    )

    assert_equal(store, built, want)
    assert [(row[2], row[5]) for row in rows(store, built, "songs")] == [("Song", 1)]


def test_impossible_dates_become_null_and_keep_their_text(store: ObjectStore) -> None:
    texts = ["2023-02-30", "1999-00", "19x7", "", "2024-13", "99999", "2020-1-1"]
    built, want = build(
        store,
        of(*(e.entry(e.track(f"T{n}", album=e.album(f"A{n}", release_date=text))) for n, text in enumerate(texts))),
    )

    assert_equal(store, built, want)
    assert all(row[3] is None for row in rows(store, built, "albums"))


UNREADABLE = {
    "text for an entry": ("the entry is not an object", "hello"),
    "a list for an entry": ("the entry is not an object", [1]),
    "text for a wrapper": ("neither item nor track is an object", e.entry("spotify:track:x")),
}


@pytest.fixture(scope="module")
def unreadable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    raws = [
        Raw(PLAYLIST, {"name": "Test"}, [(0, [e.entry(e.track("A"))]), (1, [e.entry(e.track("B")), poison])])
        for _, poison in UNREADABLE.values()
    ]
    return dict(zip(UNREADABLE, side_by_side(tmp_path_factory.mktemp("unreadable"), raws), strict=True))


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_entry_is_quarantined_with_where_and_why(unreadable: dict[str, Case], name: str) -> None:
    case, (reason, _) = unreadable[name], UNREADABLE[name]

    case.assert_equal()
    assert case.built.quarantine_key is not None
    (record,) = [json.loads(line) for line in case.store.get(case.built.quarantine_key).splitlines()]
    assert record == {
        "snapshot_date": case.built.day.isoformat(),
        "source_key": day_sources(case.store, case.built.day).sources[0].key,
        "playlist_id": PLAYLIST,
        "line": 2,
        "entry_index": 1,
        "reason": reason,
        "path": None,
        "text": None,
    }


DURATION_AS_OBJECT = {"totalMilliseconds": 188000}

WRITTEN_ODDLY = {
    "a whole number as a float": ({"duration_ms": 200001.0}, "duration_ms", 200001),
    "a whole number with an exponent": ({"duration_ms": 2.00003e5}, "duration_ms", 200003),
    "a duration as an object": ({"duration_ms": DURATION_AS_OBJECT}, "duration_ms", 188000),
    "a whole number as text": ({"track_number": "7"}, "track_number", 7),
    "a popularity of 0.0": ({"popularity": 0.0}, "popularity", 0),
}


@pytest.fixture(scope="module")
def written_oddly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    raws = [of(e.entry(e.track("A", **change))) for change, *_ in WRITTEN_ODDLY.values()]
    return dict(zip(WRITTEN_ODDLY, side_by_side(tmp_path_factory.mktemp("oddly"), raws), strict=True))


@pytest.mark.parametrize("name", WRITTEN_ODDLY)
def test_a_whole_number_is_that_number_however_it_is_written(written_oddly: dict[str, Case], name: str) -> None:
    case, (_, column, value) = written_oddly[name], WRITTEN_ODDLY[name]

    case.assert_equal()
    assert case.built.unread_leaves == 0
    assert dict(zip(SONG_COLUMNS, case.rows("songs")[0], strict=True))[column] == value


SONG_COLUMNS = [name for name in LAKE_TABLES["songs"].column_names if name not in ("snapshot_date", "run_id")]

BAD_LEAVES = {
    "a fraction": ({"popularity": 40.5}, "popularity", "40.5"),
    "a word for a number": ({"track_number": "x"}, "track_number", "x"),
    "a word for a flag": ({"explicit": "yes"}, "explicit", "yes"),
    "an object for a flag": ({"explicit": {"x": 1}}, "explicit", '{"x":1}'),
    "a negative duration": ({"duration_ms": -5}, "duration_ms", "-5"),
    "another object for a duration": ({"duration_ms": {"seconds": 3}}, "duration_ms", '{"seconds":3}'),
    "an absurd number": ({"duration_ms": 10**30}, "duration_ms", str(10**30)),
    "text for artists": ({"artists": "Ana"}, "artists", "Ana"),
    "a number for an album": ({"album": 7}, "album", "7"),
    "text for album artists": ({"album": e.album("B", artists="Ana")}, "album.artists", "Ana"),
    "a fraction of tracks": ({"album": e.album("B", total_tracks=1.5)}, "album.total_tracks", "1.5"),
    "a long text": ({"explicit": "y" * 500}, "explicit", "y" * 80),
}


@pytest.fixture(scope="module")
def bad_leaves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    raws = [
        Raw(
            PLAYLIST,
            {"name": "Test"},
            [(0, [e.entry(e.track("A"))]), (1, [e.entry(e.track("B")), e.entry(e.track("C", **change))])],
        )
        for change, *_ in BAD_LEAVES.values()
    ]
    return dict(zip(BAD_LEAVES, side_by_side(tmp_path_factory.mktemp("leaves"), raws), strict=True))


@pytest.mark.parametrize("name", BAD_LEAVES)
def test_a_leaf_that_cant_be_read_is_null_and_listed_and_its_entry_stays(
    bad_leaves: dict[str, Case], name: str
) -> None:
    case, (_, path, text) = bad_leaves[name], BAD_LEAVES[name]

    case.assert_equal()
    assert (case.built.entries, case.built.quarantined, case.built.unread_leaves) == (3, 0, 1)
    assert [row[4] for row in case.rows("playlist_items")][2] == e.track("C")["id"]
    assert case.built.quarantine_key is not None
    record = json.loads(case.store.get(case.built.quarantine_key))
    assert (record["line"], record["entry_index"], record["path"], record["text"]) == (2, 1, path, text)


def test_followers_are_read_by_the_same_rule(store: ObjectStore) -> None:
    built, want = build(
        store,
        of(followers={"total": 5190.0}, playlist_id="a" * 22),
        of(followers={"total": "many"}, public="perhaps", playlist_id="b" * 22),
    )

    assert_equal(store, built, want)
    assert [row[7] for row in rows(store, built, "playlists")] == [5190, None]
    assert built.unread_leaves == 2


UNTYPED = {
    "an id alone": ({"id": "x", "name": "T"}, "track", "x"),
    "artists and an album": ({"name": "T", "artists": [], "album": {}}, "track", None),
    "artists alone": ({"name": "T", "artists": []}, "track", None),
    "an album alone": ({"name": "T", "album": {}}, "track", None),
    "nothing that says what it is": ({"name": "T"}, "unknown", None),
    "an episode dressed as a track by its uri": (e.track("E", uri="spotify:episode:e"), "episode", None),
    "an episode dressed as a track by its flags": (e.track("E", episode=True, track=False), "episode", None),
    "an old local file": ({"id": None, "uri": "spotify:track:null", "type": "track", "is_local": True}, "local", None),
}


@pytest.fixture(scope="module")
def untyped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    raws = [of(e.entry(item)) for item, *_ in UNTYPED.values()]
    return dict(zip(UNTYPED, side_by_side(tmp_path_factory.mktemp("untyped"), raws), strict=True))


@pytest.mark.parametrize("name", UNTYPED)
def test_what_an_entry_is_when_it_does_not_say_so_plainly(untyped: dict[str, Case], name: str) -> None:
    case, (_, kind, song) = untyped[name], UNTYPED[name]

    case.assert_equal()
    ((_, _, found_kind, _, found_song, *_),) = case.rows("playlist_items")
    assert (found_kind, found_song) == (kind, song)


def page_line(*, offset: str = "0", total: str = "1", extracted_at: str = '"2026-01-01T06:00:00Z"') -> bytes:
    """A raw line without entries, its fields as JSON texts."""
    return f'{{"offset": {offset}, "total": {total}, "extracted_at": {extracted_at}, "page": {{"items": []}}}}'.encode()


DAMAGES = {
    "not JSON": (b"{nonsense", "line is not JSON"),
    "not UTF-8": (b'{"x": "\xff"}', "line is not UTF-8"),
    "no page": (b'{"offset": 1, "total": 1, "extracted_at": "2026-01-01T06:00:00Z"}', "line has no list page.items"),
    "no offset": (b'{"total": 1, "page": {"items": []}}', "line has no whole offset and total"),
    **{
        f"offset {offset}": (page_line(offset=offset), "line has no whole offset and total")
        for offset in ("-1", '"5"', "1.0", "null", str(2**62), str(2**63), str(2**64))
    },
    "a total in words": (page_line(total='"many"'), "line has no whole offset and total"),
    "a number for a moment": (page_line(extracted_at="7"), "line has no text extracted_at"),
    "text after the document": (page_line() + b" trailing", "line is not JSON"),
}


Damaged = dict[str, tuple[ObjectStore, str, BuiltDay]]
"""By name: where it lies, the key of the damaged object, and what its date was built to."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    """A date of each, in one pass, with a sound object beside the damaged one."""
    store, keys = ObjectStore.open(tmp_path_factory.mktemp("damaged").as_uri()), []
    for number, (line, _) in enumerate(DAMAGES.values()):
        day = DAY + dt.timedelta(days=number)
        put_raw(store, replace(of(e.entry(e.track("Sound")), playlist_id="a" * 22), day=day))
        keys.append(put_raw(store, replace(of(e.entry(e.track("Kept")), playlist_id="b" * 22), day=day)))
        store.put(keys[-1], gzip.compress(gzip.decompress(store.get(keys[-1])) + b"\n" + line))
    built = build_dates(store, len(keys))
    return {name: (store, key, day) for name, key, day in zip(DAMAGES, keys, built, strict=True)}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_line_is_quarantined_and_the_rest_is_read(damaged: Damaged, name: str) -> None:
    (store, key, built), (_, reason) = damaged[name], DAMAGES[name]

    assert {row[2] for row in rows(store, built, "songs")} == {"Sound", "Kept"}
    assert (built.entries, built.quarantined) == (3, 1)
    assert built.quarantine_key is not None
    record = json.loads(store.get(built.quarantine_key))
    assert (record["source_key"], record["line"], record["reason"]) == (key, 2, reason)


def test_a_line_is_that_of_the_object_whatever_stands_before_it(store: ObjectStore) -> None:
    """Whoever looks into the object with `zcat | sed -n 4p` finds the entry there."""
    key = put_raw(
        store,
        Raw(PLAYLIST, {"public": "perhaps"}, [(0, [e.entry(e.track("A"))]), (1, ["odd"]), (2, [None, "odder"])]),
    )
    one, two, three = gzip.decompress(store.get(key)).splitlines()
    store.put(key, gzip.compress(b"\n".join([b"{broken", one, two, b"{broken", b"{broken", three, b"{broken"])))

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert built.quarantine_key is not None
    records = map(json.loads, store.get(built.quarantine_key).splitlines())
    listed = {(record["line"], record["entry_index"], record.get("path")) for record in records}
    entries, broken = {(3, 0, None), (6, 1, None)}, {(line, None, None) for line in (1, 4, 5, 7)}
    assert listed == entries | broken | {(2, None, "playlist.public")}


def test_what_cant_be_read_is_counted_once(store: ObjectStore) -> None:
    """An entry that is none has no leaves, and a line that is no page is another than it."""
    put_raw(store, of({"track": "no object", "is_local": "yes"}, playlist_id="a" * 22))
    store.put(put_raw(store, of(playlist_id="b" * 22)), b"not gzip")

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert (built.entries, built.quarantined, built.unread_leaves) == (2, 2, 0)
    assert built.quarantine_key is not None
    assert len(store.get(built.quarantine_key).splitlines()) == 2


def test_what_stands_twice_in_an_object_is_listed_as_often_as_it_is_counted(store: ObjectStore) -> None:
    """Whoever joined two downloads of a page: no two rows of what can't be read are taken for one."""
    page = (0, ["odd", e.entry(e.track("A", duration_ms="long"))])

    built, _ = build(store, Raw(PLAYLIST, {"name": "P"}, [page, page]))

    assert (built.entries, built.quarantined, built.unread_leaves) == (4, 2, 2)
    assert built.quarantine_key is not None
    records = [json.loads(line) for line in store.get(built.quarantine_key).splitlines()]
    assert [(record["line"], record["entry_index"], record["path"]) for record in records] == [
        (1, 0, None),
        (1, 0, None),
        (1, 1, "duration_ms"),
        (1, 1, "duration_ms"),
    ]


def test_an_offset_counts_as_far_as_positions_do(store: ObjectStore) -> None:
    key = put_raw(store, of(e.entry(e.track("Kept"))))
    store.put(key, gzip.compress(gzip.decompress(store.get(key)) + b"\n" + page_line(offset=str(2**62 - 1))))

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert (built.entries, built.quarantined) == (1, 0)


def test_a_date_of_nothing_but_damage_has_tables_without_rows(store: ObjectStore) -> None:
    key = put_raw(store, of(e.entry(e.track("Lost"))))
    store.put(key, b"not gzip at all")

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert (built.entries, built.quarantined) == (1, 1)
    assert {table: built.tables[table].rows for table in LAKE_TABLES} == dict.fromkeys(LAKE_TABLES, 0)


@pytest.mark.parametrize("beside", [b"", b"{broken"], ids=["alone", "beside a damaged one"])
def test_an_object_without_a_line_is_listed_at_its_first(store: ObjectStore, beside: bytes) -> None:
    empty = [put_raw(store, of(playlist_id=name * 22)) for name in "abc"]
    for key, content in zip(empty, (b"", gzip.compress(b""), gzip.compress(b"\n \n")), strict=True):
        store.put(key, content)
    other = put_raw(store, of(e.entry(e.track("Kept")), playlist_id="d" * 22))
    store.put(other, gzip.compress(gzip.decompress(store.get(other)) + b"\n" + beside))

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert built.quarantine_key is not None
    records = [json.loads(line) for line in store.get(built.quarantine_key).splitlines()]
    listed = [(record["source_key"], record["line"], record["reason"]) for record in records]
    assert [one for one in listed if one[0] != other] == [(key, 1, "object holds no line") for key in empty]
    assert {row[2] for row in rows(store, built, "songs")} == {"Kept"}


def test_a_truncated_object_is_quarantined_and_the_rest_is_read(store: ObjectStore) -> None:
    put_raw(store, of(e.entry(e.track("Sound")), playlist_id="a" * 22))
    key = put_raw(store, of(e.entry(e.track("Lost")), playlist_id="b" * 22))
    store.put(key, store.get(key)[:-20])

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert {row[2] for row in rows(store, built, "songs")} == {"Sound"}
    assert built.quarantine_key is not None
    record = json.loads(store.get(built.quarantine_key))
    assert "gzip" in record["reason"]
    assert (record["source_key"], record["line"]) == (key, 1)


def test_a_line_longer_than_any_page_is_quarantined_and_what_was_before_it_is_read(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB itself refuses only what is longer than its buffer; line by line the limit is exact."""
    monkeypatch.setattr(raw_reader, "MAX_LINE_BYTES", 20_000)
    key = put_raw(store, of(e.entry(e.track("Kept"))))
    empty = page_line()[:-1] + b', "more": ""}'
    just = empty.replace(b'""', b'"' + b"x" * (20_000 - 1 - len(empty)) + b'"')
    long = just.replace(b"xx", b"xxx", 1)
    store.put(key, gzip.compress(b"\n".join([gzip.decompress(store.get(key)), just, long, b"{nonsense"])))

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert {row[2] for row in rows(store, built, "songs")} == {"Kept"}
    assert built.quarantine_key is not None
    (record,) = map(json.loads, store.get(built.quarantine_key).splitlines())
    assert (record["line"], record["reason"]) == (3, "line is longer than 20000 bytes")


def test_every_row_carries_its_date_and_run_inside_the_file(store: ObjectStore) -> None:
    import duckdb

    built, _ = build(store, of(e.entry(e.track("A"))))

    for table, contract in LAKE_TABLES.items():
        with store.local_files([file.key for file in built.tables[table].files]) as paths:
            relation = duckdb.read_parquet([str(path) for path in paths.values()], hive_partitioning=False)
            assert tuple(relation.columns) == contract.column_names
            assert [str(kind) for kind in relation.types] == [column.type.duckdb for column in contract.columns]
            assert set(relation.project("snapshot_date, run_id").fetchall()) == {(DAY, "run-1")}
