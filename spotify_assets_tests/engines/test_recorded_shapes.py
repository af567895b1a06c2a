"""Every engine on payloads in every recorded shape, against the independent calculation and against each other.

Those written for the repository are read in every run; what was recorded lies beside it and is extra (`recorded`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.lakes import as_set, put_raw, rows
from spotify_assets_tests.recorded import EITHER, WRITTEN, Payloads, load, shape_of
from spotify_assets_tests.reference_tables import Raw, expected


def by_day(raws: Iterable[Raw]) -> dict[dt.date, list[Raw]]:
    days: dict[dt.date, list[Raw]] = defaultdict(list)
    for raw in raws:
        days[raw.day].append(raw)
    return days


@pytest.mark.parametrize("payloads", EITHER)
def test_duckdb_gives_exactly_the_expected_tables(store: ObjectStore, payloads: Payloads) -> None:
    days = by_day(payloads.raws())
    for raws in days.values():
        for raw in raws:
            put_raw(store, raw)

    built = list(build_days(store, "run-1", work(store)))

    assert {each.day for each in built} == set(days)
    for each in built:
        raws = days[each.day]
        want = expected(raws)
        for table in LAKE_TABLES:
            assert as_set(rows(store, each, table)) == want.tables[table], (each.day, table)
        assert each.entries == each.tables["playlist_items"].rows == sum(raw.entries for raw in raws)
        assert each.quarantined == each.unread_leaves == len(want.quarantined) == 0


@pytest.mark.parametrize("payloads", EITHER)
def test_the_payloads_hold_what_makes_them_worth_it(payloads: Payloads) -> None:
    """So that no pattern of file names has come to nothing."""
    want = [expected(raws) for raws in by_day(payloads.raws()).values()]

    kinds = {row[2] for each in want for row in each.tables["playlist_items"]}
    assert kinds == {"track", "local", "episode", "missing"}
    assert len(payloads.history()) > 3
    assert all([*payloads.playlists(), *payloads.landing(), *payloads.client_pages(), *payloads.new_shape()])
    assert {row[4] for each in want for row in each.tables["albums"]} >= {"year", "month", "day"}


SHAPES = {
    "playlists": ["playlists/*.json*", "history/*/*.json*"],
    "landing": ["lambda-landing/*.json*"],
    "new pages": ["derived-new-shape/*/items.*.json*"],
    "new playlists": ["derived-new-shape/*/playlist.*.json*"],
    "errors": ["derived-new-shape/errors/*.json*"],
}


@pytest.mark.parametrize("payloads", EITHER[1:])
@pytest.mark.parametrize("name", [*SHAPES, "clients"])
def test_the_written_payloads_have_every_recorded_shape(name: str, payloads: Payloads) -> None:
    def shapes(payloads: Payloads) -> set[tuple[str, str]]:
        values: list[object] = (
            list(payloads.client_pages().values())
            if name == "clients"
            else [load(path) for pattern in SHAPES[name] for path in payloads.files(pattern)[:: payloads.every]]
        )
        return set().union(*map(shape_of, values))

    recorded = shapes(payloads)

    assert recorded
    assert sorted(recorded - shapes(Payloads(WRITTEN))) == []
