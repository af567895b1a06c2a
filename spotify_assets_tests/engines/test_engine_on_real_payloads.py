"""The DuckDB engine on recorded Spotify payloads, against the independent calculation.

The payloads lie beside the project (`../shared/data`); without them these tests are skipped.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.lakes import SHARED_DATA, as_set, day_sources, put_raw, rows
from spotify_assets_tests.reference_tables import Raw, expected

pytestmark = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"no recorded payloads at {SHARED_DATA}")


def load(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


def whole_playlist(path: Path, day: dt.date) -> Raw:
    """A recorded playlist: its pages concatenated in a list, written here in pages of 50."""
    playlist = load(path)
    assert isinstance(playlist, dict)
    items = playlist.pop("tracks")
    pages = [(offset, items[offset : offset + 50]) for offset in range(0, len(items), 50)] or [(0, [])]
    return Raw(playlist["id"], playlist, pages, day, f"{day.isoformat()}T06:00:00Z")


def build_and_check(store: ObjectStore, raws: list[Raw]) -> int:
    """Build one day of `raws`, compare every table; the number of entries."""
    day = raws[0].day
    for raw in raws:
        put_raw(store, raw)
    built = build_day(store, "run-1", day_sources(store, day))
    want = expected(raws)
    for table in LAKE_TABLES:
        assert as_set(rows(store, built, table)) == want.tables[table], table
    assert built.entries == sum(raw.entries for raw in raws)
    assert built.quarantined == len(want.quarantined) == 0
    assert built.tables["playlist_items"].rows == built.entries
    return built.entries


def test_all_recorded_playlists_of_one_day_give_exactly_the_expected_tables(store: ObjectStore) -> None:
    day = dt.date(2024, 3, 1)
    raws = [whole_playlist(path, day) for path in sorted((SHARED_DATA / "playlists").glob("*.json.gz"))]

    entries = build_and_check(store, raws)

    assert len(raws) == 71
    assert entries > 3_900


def test_every_recorded_day_of_the_history_gives_exactly_the_expected_tables(store: ObjectStore) -> None:
    paths = sorted((SHARED_DATA / "history" / "4uUIK0akoRvnyhbK377brv").glob("*.json.gz"))

    for path in paths:
        assert build_and_check(store, [whole_playlist(path, dt.date.fromisoformat(path.name.split(".")[0]))]) > 280
    assert len(paths) == 29


def test_pages_recorded_by_other_clients_give_exactly_the_expected_tables(store: ObjectStore) -> None:
    pages = {}
    for path in sorted((SHARED_DATA / "clients").glob("*/*.json.gz")):
        page = load(path)
        items = page.get("items") if isinstance(page, dict) else None
        if isinstance(items, list) and items and {"track", "item"} & items[0].keys() and "added_at" in items[0]:
            pages[path.name] = items
    raws = [Raw(f"{number:022d}", {}, [(0, items)]) for number, items in enumerate(pages.values())]

    entries = build_and_check(store, raws)

    assert {"playlist_items.json.gz", "playlist_items_episodes_and_tracks.json.gz"} <= pages.keys()
    assert entries == sum(map(len, pages.values()))


def test_new_shape_pages_and_every_oddity_give_exactly_the_expected_tables(store: ObjectStore) -> None:
    raws = []
    for folder in sorted((SHARED_DATA / "derived-new-shape").iterdir()):
        pages = [load(path) for path in sorted(folder.glob("items.*.json.gz"))]
        if pages:
            playlist_id = "0000000000ODDITIES0000" if folder.name.startswith("oddities") else folder.name
            raws.append(Raw(playlist_id, {}, [(page["offset"], page["items"]) for page in pages]))

    assert build_and_check(store, raws) == 75 + 44 + 16 + 17


def test_landing_files_of_other_pipelines_give_exactly_the_expected_tables(store: ObjectStore) -> None:
    for path in sorted((SHARED_DATA / "lambda-landing").glob("*.json.gz")):
        (playlist,) = load(path)
        page = playlist.pop("tracks")
        day = dt.date.fromisoformat(path.name.split(".")[1])
        build_and_check(
            store, [Raw(playlist["id"], playlist, [(0, page["items"])], day, f"{day.isoformat()}T06:00:00Z")]
        )
