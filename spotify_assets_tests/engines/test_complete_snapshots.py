"""Which snapshots hold a whole playlist: what is known to be incomplete is stored, and marked."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest

from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import Clock
from spotify_assets_tests import entries as e
from spotify_assets_tests.engines.test_duckdb_engine import Case, side_by_side
from spotify_assets_tests.lakes import as_set, day_sources, put_raw, rows
from spotify_assets_tests.reference_tables import Raw
from spotify_assets_tests.spotify.conftest import Extract, account, clock, make_client, run, server
from spotify_assets_tests.spotify.spotify_server import SpotifyServer

__all__ = ["account", "clock", "make_client", "run", "server"]  # fixtures

DAY = dt.date(2026, 1, 1)
PLAYLIST = e.spotify_id("playlist")


def entries_of(*numbers: int) -> list[object]:
    return [e.entry(e.track(f"T{number}")) for number in numbers]


def raw(*pages: tuple[int, list], total: int | None = None, complete: bool | None = None) -> Raw:
    return Raw(PLAYLIST, {"name": "P"}, pages, total=total, complete=complete)


SNAPSHOTS = {
    "as many entries as its total": (raw((0, entries_of(0, 1)), (2, entries_of(2))), (3, True)),
    "an empty playlist": (raw((0, [])), (0, True)),
    "a removed entry is an entry": (raw((0, [*entries_of(0), e.entry(None), None])), (3, True)),
    "a first page of several": (raw((0, entries_of(0, 1)), total=5), (2, False)),
    "a page from the middle": (raw((2, entries_of(2, 3)), total=5), (2, False)),
    "a hole between pages": (raw((0, entries_of(0)), (2, entries_of(2)), total=3), (2, False)),
    "a hole, and a total that does not show it": (raw((0, entries_of(0)), (2, entries_of(2)), total=2), (2, False)),
    "an entry that can't be read": (raw((0, [*entries_of(0), "text"])), (1, False)),
    "an empty answer to a playlist with entries": (raw((0, []), total=7), (0, False)),
    "fewer than the total, and said to be whole": (raw((0, entries_of(0)), total=2, complete=True), (1, True)),
    "as many as the total, and said to be a part": (raw((0, entries_of(0)), complete=False), (1, False)),
    "said to be whole, with a hole": (raw((0, entries_of(0)), (2, entries_of(2)), complete=True), (2, False)),
    "said to be whole, with an entry that can't be read": (raw((0, ["text"]), complete=True), (0, False)),
}


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    made = side_by_side(tmp_path_factory.mktemp("snapshots"), [snapshot for snapshot, _ in SNAPSHOTS.values()])
    return dict(zip(SNAPSHOTS, made, strict=True))


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_knows_how_many_entries_it_holds_and_whether_they_are_all(
    snapshots: dict[str, Case], name: str
) -> None:
    case, (_, right) = snapshots[name], SNAPSHOTS[name]

    (row,) = case.rows("playlists")
    assert as_set([row]) == case.want.tables["playlists"]
    assert row[10:12] == right
    assert case.built.tables["playlist_items"].rows == right[0]


def test_a_snapshot_of_which_any_line_says_that_it_is_a_part_is_one(store: ObjectStore) -> None:
    key = put_raw(store, raw((0, entries_of(0)), (1, entries_of(1)), complete=True))
    first, second = gzip.decompress(store.get(key)).splitlines()
    store.put(key, gzip.compress(first + b"\n" + second.replace(b'"complete": true', b'"complete": false')))

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert [row[10:12] for row in rows(store, built, "playlists")] == [(2, False)]


@pytest.mark.parametrize("said", [None, True])
def test_a_damaged_line_or_the_end_cut_off_makes_a_snapshot_incomplete(store: ObjectStore, said: bool | None) -> None:
    whole = [raw((0, entries_of(0)), (1, entries_of(1)), (2, entries_of(2)), total=3, complete=said)] * 2
    keys = [
        put_raw(store, Raw(f"{number}" * 22, each.playlist, each.pages, total=3, complete=said))
        for number, each in enumerate(whole)
    ]
    first = gzip.decompress(store.get(keys[0]))
    store.put(keys[0], gzip.compress(first[: first.rindex(b"\n") + 1] + b"{broken"))
    store.put(keys[1], gzip.compress(gzip.decompress(store.get(keys[1])), 0)[:-600])

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert [(str(row[0])[0], *row[9:12]) for row in rows(store, built, "playlists")] == [
        ("0", 3, 2, False),
        ("1", 3, 2, False),
    ]


@pytest.mark.parametrize("data", [b"", gzip.compress(b""), gzip.compress(b"\n \n")], ids=["empty", "no line", "blank"])
def test_an_object_of_nothing_is_damage_and_not_a_playlist_less(store: ObjectStore, data: bytes) -> None:
    put_raw(store, raw((0, entries_of(0))))
    other = put_raw(store, Raw(e.spotify_id("other"), {"name": "Q"}, [(0, entries_of(1))]))
    store.put(other, data)

    built = build_day(store, "run-1", day_sources(store, DAY))

    assert (built.entries, built.quarantined, built.tables["playlists"].rows) == (2, 1, 1)
    assert built.quarantine_key
    (record,) = map(json.loads, store.get(built.quarantine_key).splitlines())
    assert (record["source_key"], record["line"], record["reason"]) == (other, 1, "object holds no line")


@pytest.mark.parametrize(
    ("total", "lost", "right"),
    [(130, None, (120, True)), (100, None, (120, True)), (120, 50, (70, False)), ("true", None, (120, True))],
    ids=["a total too large", "a total too small", "an empty page in the middle", "nothing odd"],
)
def test_what_the_extraction_found_out_is_in_the_table(
    server: SpotifyServer,
    run: Extract,
    store: ObjectStore,
    clock: Clock,
    total: object,
    lost: int | None,
    right: object,
) -> None:
    """From Spotify's answers to the row of `playlists`."""
    [playlist_id] = server.add(1, entries=120, total=total)
    server.changes.append(
        ("/items", lambda body, query: body | {"items": [] if query["offset"] == [str(lost)] else body["items"]})
    )
    run(playlist_id)

    built = build_day(store, "run-1", day_sources(store, clock.now().date()))

    (row,) = rows(store, built, "playlists")
    assert row[10:12] == right
