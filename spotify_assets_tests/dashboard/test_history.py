"""What the page makes of a history: hand-made lists with the facts one would expect of them."""

from __future__ import annotations

import json

import pytest

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.report import build_report
from spotify_assets_tests.dashboard.script import run_script
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, read_data, warehouse_rows

N = None
"""An entry without a song."""

_EMPTY = build_report(DashboardData()).blocks


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    world = World()
    a, b, c, d, e, f = (world.song(name, "X", year=2020) for name in "ABCDEF")
    g, h = (world.song(name, "Y", "X", isrc="QZ1", year=None) for name in ("G", "G (again)"))
    lists: dict[str, dict[int, list[str | None]]] = {
        "still": {0: [a, b], 1: [a, b]},
        "entered": {0: [a], 1: [b, a]},
        "left": {0: [a, b], 1: [b]},
        "re-entered": {0: [a, b], 1: [b], 2: [b, a], 3: [b], 4: [a]},
        "moved": {0: [a, b, c], 1: [c, a, b]},
        "swapped": {0: [a, b], 1: [b, a]},
        "tied": {0: [a, b, c, d], 1: [d, c, b, a]},
        "duplicated": {0: [a, b], 1: [a, b, a]},
        "duplicate gone": {0: [a, b, a], 1: [a, b]},
        "duplicate moved": {0: [a, b, a, c], 1: [a, b, c, a]},
        "gap": {0: [a, b], 1: [a, b], 40: [a, c]},
        "incomplete": {0: [a, b, c], 1: [a], 2: [a, b, c]},
        "incomplete last": {0: [a, b], 1: [a, b], 2: [a]},
        "incomplete first": {0: [a], 1: [a, b], 2: [b]},
        "gone and back": {0: [a], 1: [], 2: [a]},
        "emptied": {0: [a, b], 1: []},
        "odd": {0: [N, a], 1: [a, N, N]},
        "recording twice": {0: [g, h, a]},
        "turned over": {0: [a, b, c, d], 10: [a, b, c, e], 20: [a, b, f, e], 30: [g, h, f, e]},
        "weekly": {number * 7: [a, b] for number in range(6)},
    }
    for name, days in lists.items():
        world.playlist(name, name, {day(number): entries for number, entries in days.items()})
    for name, number, total in (("incomplete", 1, 3), ("incomplete last", 2, 2), ("incomplete first", 0, 2)):
        world.partial[name, day(number)] = total
    folder = tmp_path_factory.mktemp("histories")
    return build_report(read_data(fill_warehouse(folder, warehouse_rows(world)))).blocks


def about(blocks: dict[str, str], playlist_id: str, expression: str) -> object:
    return run_script(blocks, f"const history = await historyOf({playlist_id!r}); const first = {_FIRST}; {expression}")


_FIRST = "history.days[0]"

CHANGES = {
    "still": ([], [], []),
    "entered": ([["B", 1]], [], [["A", 1, 2]]),
    "left": ([], [["A", 1]], [["B", 2, 1]]),
    "re-entered": ([["A", 1]], [["B", 1]], []),
    "moved": ([], [], [["C", 3, 1], ["A", 1, 2], ["B", 2, 3]]),
    "swapped": ([], [], [["B", 2, 1], ["A", 1, 2]]),
    "tied": ([], [], [["D", 4, 1], ["A", 1, 4], ["C", 3, 2], ["B", 2, 3]]),
    "duplicated": ([["A", 3]], [], []),
    "duplicate gone": ([], [["A", 3]], []),
    "duplicate moved": ([], [], [["C", 4, 3], ["A", 3, 4]]),
    "gap": ([["C", 2]], [["B", 2]], []),
    "incomplete": ([], [], []),
    "incomplete last": None,
    "incomplete first": ([], [["A", 1]], [["B", 2, 1]]),
    "gone and back": ([["A", 1]], [], []),
    "emptied": ([], [["A", 1], ["B", 2]], []),
    "odd": ([], [], [["A", 2, 1]]),
    "recording twice": None,
    "turned over": ([["G", 1], ["G (again)", 2]], [["A", 1], ["B", 2]], []),
    "weekly": ([], [], []),
}
"""Entered, left and moved with the latest snapshot; None where nothing can be said."""


def test_what_changed_with_the_latest_snapshot(blocks: dict[str, str]) -> None:
    body = """const answer = {};
    for (const { id } of index.playlists) {
      const history = await historyOf(id), changes = changesAt(history, songs, history.days.length - 1);
      const named = (rows) => rows.map(([song, ...ranks]) => [songs.names[song], ...ranks]);
      answer[id] = changes && [named(changes.entered), named(changes.left), named(changes.moved)];
    }
    return answer;"""

    assert run_script(blocks, body) == {name: None if lists is None else list(lists) for name, lists in CHANGES.items()}


def test_stays_are_counted_in_whole_snapshots(blocks: dict[str, str]) -> None:
    body = """const answer = {};
    for (const { id } of index.playlists) {
      const history = await historyOf(id);
      const since = (day) => day - history.days[0];
      answer[id] = [...stays(history, songs).values()].map((stay) => [songs.names[stay.song], since(stay.first),
        since(stay.last), stay.present, stay.longest, stay.best, stay.returns, stay.isPresent]);
    }
    return answer;"""

    answer = run_script(blocks, body)

    assert isinstance(answer, dict)
    assert answer["re-entered"] == [["A", 0, 4, 3, 1, 1, 2, True], ["B", 0, 3, 4, 4, 1, 0, False]]
    assert answer["incomplete"] == [[name, 0, 2, 2, 2, rank, 0, True] for rank, name in enumerate("ABC", 1)]
    assert answer["incomplete last"] == [["A", 0, 1, 2, 2, 1, 0, True], ["B", 0, 1, 2, 2, 2, 0, True]]
    assert answer["incomplete first"] == [["A", 1, 1, 1, 1, 1, 0, False], ["B", 1, 2, 2, 2, 1, 0, True]]
    assert answer["gap"] == [
        ["A", 0, 40, 3, 3, 1, 0, True],
        ["B", 0, 1, 2, 2, 2, 0, False],
        ["C", 40, 40, 1, 1, 2, 0, True],
    ]
    assert answer["gone and back"] == [["A", 0, 2, 2, 1, 1, 1, True]]
    assert answer["duplicated"] == [["A", 0, 1, 2, 2, 1, 0, True], ["B", 0, 1, 2, 2, 2, 0, True]]
    assert answer["odd"] == [["A", 0, 1, 2, 2, 1, 0, True]]


def test_gaps_are_longer_than_the_lists_own_rhythm(blocks: dict[str, str]) -> None:
    gaps = "return gapsIn(history.days).map(({ from, to }) => [from - first, to - first]);"

    assert about(blocks, "gap", gaps) == [[2, 39]]
    assert about(blocks, "weekly", gaps) == []
    assert about(blocks, "re-entered", gaps) == []


def test_a_line_stops_at_a_gap_that_the_resolution_shows(blocks: dict[str, str]) -> None:
    crosses = "return [1, 7, 28].map((step) => crossesGap([{ from: 10, to: 19 }], 9, 20, step));"

    assert about(blocks, "gap", crosses) == [True, True, False]


def test_half_of_the_list_is_gone_after(blocks: dict[str, str]) -> None:
    assert about(blocks, "turned over", "return halfLife(history, songs);") == {"days": 20, "watched": 30}
    assert about(blocks, "weekly", "return halfLife(history, songs);") == {"days": None, "watched": 35}


def test_a_song_twice_and_a_recording_under_two_ids_are_found(blocks: dict[str, str]) -> None:
    found = """const { same, recordings } = duplicatesIn(history.lists.at(-1), songs);
    const named = ({ songs: some, places }) => [some.map((song) => songs.names[song]), places];
    return [same.map(named), recordings.map(named)];"""

    assert about(blocks, "duplicated", found) == [[[["A"], [1, 3]]], []]
    assert about(blocks, "recording twice", found) == [[], [[["G", "G (again)"], [1, 2]]]]


def test_the_columns_are_days_then_weeks_then_four_weeks() -> None:
    columns = """const days = Array.from({ length: 700 }, (_, at) => 20000 + at);
    const history = { days, partial: { 699: 5 }, lists: [], counts: {} };
    return [700, 120, 30].map((room) => {
      const { step, picks } = columnsOf(history, 20000, 20699, room);
      return [step, picks.length, picks.at(-1)];
    });"""

    assert run_script(_EMPTY, columns) == [[1, 699, 698], [7, 101, 698], [28, 26, 698]]


@pytest.mark.parametrize("width", [120, 300, 700, 1100])
def test_ticks_never_cover_each_other(width: int) -> None:
    ticks = f"""return [1, 6, 13, 45, 90, 249, 700, 2500, 9000].flatMap((span) => {{
      const made = ticksFor(20000, 20000 + span, {width});
      const width = (label) => label.length * 6.6;
      return made.slice(1).map(({{ day, label }}, at) =>
        ((day - made[at].day) / span) * {width} - (width(label) + width(made[at].label)) / 2);
    }});"""

    room = run_script(_EMPTY, ticks)

    assert isinstance(room, list)
    assert min(room) > 0


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain", "plain"),
        ('say "hi", twice', '"say ""hi"", twice"'),
        ("two\nlines", '"two\nlines"'),
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("+44", "'+44"),
        ("-", "'-"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("'Til", "'Til"),
        ("名前 ‮abc", "名前 ‮abc"),
        (-5, "-5"),
        (None, ""),
    ],
)
def test_a_cell_of_the_csv_is_the_text_and_never_a_formula(text: object, cell: str) -> None:
    body = (
        f"return csvOf([{{ name: 'a', value: (row) => row }}, {{ name: 'b', value: () => 1 }}], [{json.dumps(text)}]);"
    )

    assert run_script(_EMPTY, body) == f"\ufeffa,b\r\n{cell},1\r\n"
