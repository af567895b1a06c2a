"""The page and the facts against marts computed by the real SQL, from Parquet through the real loads and merges."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES
from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.facts import facts, read_latest_changes
from spotify_assets.dashboard.integrity import inspect_page
from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets.lake import state
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, loads, marts
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.dashboard.script import run_script
from spotify_assets_tests.dashboard.world import read_data
from spotify_assets_tests.warehouse.histories import EXAMPLES
from spotify_assets_tests.warehouse.lake_files import DAY, commit_day, day, tables_of
from spotify_assets_tests.warehouse.test_histories import example_tables

HISTORIES = [
    {"enters": ["a"], "leaves": ["a", "b"], "moves": ["a", "b", "c"], "returns": ["a", "b"], "twice": ["a", "b", "a"]},
    {"enters": ["a", "b"], "leaves": ["b"], "moves": ["c", "a", "b"], "returns": ["b"], "twice": ["a", "a", "b"]},
    {"enters": ["c", "a", "b"], "leaves": [], "moves": ["c", "b", "a"], "returns": ["b", "a"], "twice": ["a"]},
    {"enters": ["c"], "moves": ["c", "b", None, "a"], "returns": ["a"], "twice": ["b", "a", "a", "a"], "odd": [None]},
    {"leaves": ["b"], "moves": ["c", "b", None, "a"], "returns": [], "twice": ["a", "b", "a"], "odd": ["a", None]},
    {"enters": ["a+b", "c"], "leaves": ["b"], "moves": ["a", "b", "c"], "returns": ["a"], "odd": [None, "a"]},
]
"""Six snapshots of little playlists, some of which were not read each time."""

PARTLY = [
    (["a", "b"], False),
    (["a"], True),
    (["b", "a", "c"], False),
    (["c"], True),
    (["c", "a"], False),
    (["a"], True),
]
"""A playlist that was not read whole now and then: its entries, and whether some are missing."""


@pytest.fixture
def warehouse(prepared_folder: Path, tmp_path: Path) -> EmbeddedWarehouse:
    shutil.copytree(prepared_folder, tmp_path / "warehouse")
    return EmbeddedWarehouse(folder=str(tmp_path / "warehouse"), database="SPOTIFY_ASSETS")


def _fill(warehouse: EmbeddedWarehouse, store: ObjectStore) -> EmbeddedWarehouse:
    """Everything in the lake, loaded, merged and computed."""
    commits = state.read_commits(store, state.committed_days(store))

    def line(session: Session) -> None:
        for table in LAKE_TABLES:
            loads.load_table(session, store, table, commits)
        for dimension in DIMENSIONS:
            dimensions.merge(session, dimension)
        for mart in marts.DEFINITIONS:
            marts.build(session, mart)

    warehouse.run(line)
    return warehouse


def _commit_histories(store: ObjectStore) -> None:
    for number, playlists in enumerate(HISTORIES):
        on = number if number < 4 else number + 3
        entries, incomplete = PARTLY[number]
        tables = tables_of(playlists | {"partly": entries}, on=on, incomplete=["partly"] if incomplete else [])
        commit_day(store, day(on), f"run-{number}", tables)


def _computed(data: DashboardData) -> dict[str, Any]:
    """What the page's script makes of every playlist: its changes and its stays, as the marts' rows."""
    body = """const answer = { changes: [], runs: [], health: [] };
    for (const { id } of index.playlists) {
      const history = await historyOf(id);
      history.days.forEach((day, at) => {
        const { local_files, missing, withdrawn, others, dated, under_365_days } = history.counts;
        answer.health.push([iso(day), id, isWhole(history, at), history.lists[at].length, local_files[at], missing[at],
          withdrawn[at], others[at], dated[at], under_365_days[at]]);
        const changes = changesAt(history, songs, at);
        if (!changes) return;
        const { entered, left } = turnover(history, songs)[at];
        if (entered !== changes.entered.length || left !== changes.left.length) throw new Error("turnover");
        const add = (song, ...rest) => answer.changes.push([iso(day), id, songs.ids[song], ...rest]);
        for (const [song, rank] of changes.entered) add(song, "entered", null, rank - 1);
        for (const [song, rank] of changes.left) add(song, "left", rank - 1, null);
        for (const [song, was, now] of changes.moved) add(song, "moved", was - 1, now - 1);
      });
      for (const stay of stays(history, songs).values()) answer.runs.push([id, songs.ids[stay.song], iso(stay.first),
        iso(stay.last), stay.present, stay.longest, stay.best - 1, stay.returns, stay.isPresent]);
    }
    return answer;"""
    answer = run_script(build_report(data).blocks, body)
    assert isinstance(answer, dict)
    return answer


def test_the_page_works_out_what_the_marts_hold(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    _commit_histories(store)
    _fill(warehouse, store)

    computed = _computed(read_data(warehouse))

    with warehouse.session() as session:
        changes = session.execute(
            "SELECT CAST(snapshot_date AS VARCHAR), playlist_id, song_id, change, from_position, to_position "
            "FROM ANALYTICS.PLAYLIST_CHANGES"
        )
        runs = session.execute(
            "SELECT playlist_id, song_id, CAST(first_on AS VARCHAR), CAST(last_on AS VARCHAR), days_present, "
            "longest_run, best_position, re_entries, is_present FROM ANALYTICS.SONG_RUNS"
        )
        health = session.execute(
            "SELECT CAST(h.snapshot_date AS VARCHAR), h.playlist_id, h.is_complete, h.entry_count, h.local_files, "
            "h.missing, h.withdrawn, h.episodes, COALESCE(f.added_known, 0), "
            "CAST(COALESCE(f.added_365_share * f.added_known, 0) AS INTEGER) "
            "FROM ANALYTICS.PLAYLIST_HEALTH AS h LEFT JOIN ANALYTICS.PLAYLIST_FRESHNESS AS f "
            "ON f.snapshot_date = h.snapshot_date AND f.playlist_id = h.playlist_id"
        )
    assert len(changes) > 20
    assert len(runs) > 10
    assert sorted(map(tuple, computed["changes"]), key=repr) == sorted(changes, key=repr)
    assert sorted(map(tuple, computed["health"]), key=repr) == sorted(health, key=repr)
    assert sorted(map(tuple, computed["runs"]), key=repr) == sorted(runs, key=repr)


def test_the_page_shows_the_facts_of_the_twenty_histories_that_are_known_by_hand(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    for on, tables in example_tables().items():
        commit_day(store, on, f"run-{on}", tables)

    computed = _computed(read_data(_fill(warehouse, store)))

    def number(date: str) -> int:
        return (dt.date.fromisoformat(date) - DAY).days

    def place(position: int | None) -> str:
        return "-" if position is None else str(position)

    changes, runs, incomplete = defaultdict(list), defaultdict(list), defaultdict(list)
    for date, playlist, song, what, was, to in computed["changes"]:
        changes[playlist].append(f"{number(date)} {song} {what} {place(was)}>{place(to)}")
    for playlist, song, first, last, days, longest, _, again, there in computed["runs"]:
        step = f"{number(first)}-{number(last)} {days} {longest} {again}"
        runs[playlist].append(f"{song} {step}{'+' if there else ''}")
    for date, playlist, is_complete, *_ in computed["health"]:
        if not is_complete:
            incomplete[playlist].append(number(date))
    for name, example in EXAMPLES.items():
        marked = [on for on, text in example.snapshots.items() if text.endswith("?")]
        assert sorted(changes[name]) == sorted(example.changes), name
        assert sorted(runs[name]) == sorted(example.runs), name
        assert incomplete[name] == marked, name


def test_the_page_of_real_tables_is_whole_and_the_facts_are_theirs(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    commit_day(store, day(0), "run-0", tables_of({"p": ["a", "b", "c", None], "q": ["a+b", "x"], "empty": []}, on=0))
    commit_day(store, day(2), "run-2", tables_of({"p": ["d", "c", "a"], "q": ["a+b", "a"], "empty": []}, on=2))
    _fill(warehouse, store)

    page = inspect_page(render_page(build_report(read_data(warehouse))))

    assert (page.problems, page.as_of, page.playlists) == ((), day(2).isoformat(), 3)
    assert facts(warehouse.run(read_latest_changes))[0] == (
        "2 songs entered and 2 left across 3 playlists on 3 January 2026, most in p (1 in, 1 out)."
    )
