"""The page and the facts on marts computed by the real SQL, from Parquet through the real loads and merges."""

from __future__ import annotations

from pathlib import Path

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.dashboard.data import DashboardData, read_dashboard_data
from spotify_assets.dashboard.facts import facts
from spotify_assets.dashboard.integrity import inspect_page
from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets.lake import state
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, loads, marts
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of


def _loaded(store: ObjectStore, folder: Path) -> DashboardData:
    """Everything in the lake, loaded, merged and computed."""
    commits = state.read_commits(store, state.committed_days(store))

    def line(session: Session) -> DashboardData:
        for table in LAKE_TABLES:
            loads.load_table(session, store, table, commits)
        for dimension in DIMENSIONS:
            dimensions.merge(session, dimension)
        for mart in MARTS:
            marts.build(session, mart)
        return read_dashboard_data(session)

    return EmbeddedWarehouse(folder=str(folder / "warehouse"), database="SPOTIFY_ASSETS").run(line)


def test_the_page_shows_what_the_real_marts_hold(store: ObjectStore, tmp_path: Path) -> None:
    first = {"p": ["a", "b", "c", None], "q": ["a+b", "x"], "empty": []}
    second = {"p": ["d", "c", "a"], "q": ["a+b", "a"], "empty": []}
    commit_day(store, day(0), "run-0", tables_of(first, on=0))
    commit_day(store, day(2), "run-2", tables_of(second, on=2))

    data = _loaded(store, tmp_path)
    report = build_report(data)
    p, q = (next(one for one in report.playlists if one.id == name) for name in "pq")

    assert inspect_page(render_page(report)).problems == ()
    assert (report.first_on, report.last_on, report.days) == (day(0).isoformat(), day(2).isoformat(), 2)
    assert p.changes.totals == {"entered": 1, "left": 1, "moved": 2}
    assert p.changes.since == day(0).isoformat()
    assert [report.songs[song][0] for song, _ in p.changes.entered] == ["d"]
    assert {report.songs[run.song][0]: run.snapshots for run in p.runs} == {"a": 2, "b": 1, "c": 2, "d": 1}
    assert {artist.name: artist.slots for artist in q.artists} == {
        "artist a": [1, 2],
        "artist b": [1, 1],
        "artist x": [1, 0],
    }
    assert sum(slots for _, slots in p.years.years) == 3
    assert [cell[2] for cell in report.overlap.cells] == [1]
    assert report.popularity.rows
    assert facts(data)[0] == "2 songs entered and 2 left across 3 playlists on 3 January 2026, most in p (1 in, 1 out)."
