"""What the page is told: everything where it fits, thinned and said where not, and names that tell lists apart."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from string import ascii_letters
from typing import Any

import pytest

from spotify_assets.dashboard import report as report_module
from spotify_assets.dashboard.data import DashboardData, Snapshot
from spotify_assets.dashboard.report import Report, Thinning, build_report
from spotify_assets.dashboard.rows import Playlist, Song
from spotify_assets_tests.dashboard.script import run_script
from spotify_assets_tests.dashboard.world import World

START = dt.date(2026, 1, 1)


def drifting(
    days: int, playlists: int = 1, length: int = 60, every: int = 1, *, shuffled: bool = False
) -> DashboardData:
    """Lists that lose and gain a song with each snapshot, somewhere."""
    dice = random.Random(3)
    data = DashboardData(dates=[START + dt.timedelta(days=number) for number in range(0, days, every)])
    for number in range(playlists):
        playlist_id = f"{number:022d}"
        data.playlists.append(Playlist(playlist_id, f"List {number}", "Desk"))
        songs = list(range(number, number + length))
        data.snapshots[playlist_id] = []
        for day in data.dates:
            songs = songs.copy()
            songs.pop(dice.randrange(len(songs)))
            songs.insert(dice.randrange(len(songs)), max(songs) + 1)
            if shuffled:
                dice.shuffle(songs)
            data.snapshots[playlist_id].append(Snapshot(day, length, True, [0] * 8, songs))
    data.keys = [f"{number:022d}" for number in range(playlists + length + days)]
    data.songs = {key: Song(key, f"Song {key}", None, False, None, None) for key in data.keys}
    return data


def told(report: Report) -> dict[str, Any]:
    index = run_script(report.blocks, "return index;")
    assert isinstance(index, dict)
    return index


def lists(report: Report, playlist_id: str) -> list[tuple[str, list[str]]]:
    """The lists as the page's own script unpacks them."""
    body = """const history = await historyOf(%r);
    return history.days.map((day, at) => [iso(day), [...history.lists[at]].map((song) => songs.ids[song])]);"""
    answer = run_script(report.blocks, body % playlist_id)
    assert isinstance(answer, list)
    return [(day, ids) for day, ids in answer]


def test_the_page_unpacks_every_list_exactly(data: DashboardData, world: World) -> None:
    report = build_report(data)

    for playlist_id, history in world.snapshots.items():
        expected = [(date.isoformat(), [song or "" for song in entries]) for date, entries in history.items()]
        assert lists(report, playlist_id) == expected, playlist_id


def test_lists_of_any_kind_are_unpacked_exactly() -> None:
    dice = random.Random(11)
    data = drifting(3, length=20)
    kinds = [
        [],
        [0],
        [0, 0, 0],
        list(range(300)),
        list(range(299, -1, -1)),
        dice.sample(range(300), 300),
        [7, 7, 5, 7, 1],
        [],
        [0],
    ]
    kinds += [dice.choices(range(40), k=dice.randrange(60)) for _ in range(40)]
    data.keys = [f"{number:03d}" for number in range(300)]
    data.songs = {}
    data.snapshots = {
        data.playlists[0].playlist_id: [
            Snapshot(START + dt.timedelta(days=number), len(one), True, [number] * 8, one)
            for number, one in enumerate(kinds)
        ]
    }

    unpacked = lists(build_report(data), data.playlists[0].playlist_id)

    assert [[int(key) for key in ids] for _, ids in unpacked] == kinds


def test_a_history_that_fits_is_there_whole() -> None:
    report = build_report(drifting(700))

    assert report.thinning == Thinning()
    assert told(report)["thinned"] == {"days": None, "depth": None}
    assert len(lists(report, "0" * 22)) == 700


def test_a_history_that_does_not_fit_is_thinned_to_weeks_before_a_date_and_says_so() -> None:
    whole = build_report(drifting(700, shuffled=True))
    histories = sum(len(block) for name, block in whole.blocks.items() if name.startswith("playlist"))
    budget = sum(map(len, whole.blocks.values())) - histories // 4

    report = build_report(drifting(700, shuffled=True), budget=budget)

    days = [dt.date.fromisoformat(day) for day, _ in lists(report, "0" * 22)]
    limit = report.thinning.days
    assert limit is not None
    assert told(report)["thinned"] == {"days": limit, "depth": None}
    assert sum(map(len, report.blocks.values())) <= budget
    assert days[-1] == START + dt.timedelta(days=699)
    assert all((after - before).days == 1 for before, after in pairwise(days[-limit:]))
    assert (days[0], {(after - before).days for before, after in pairwise(days[:20])}) == (
        dt.date(2026, 1, 4),
        {7},
    )


def test_of_the_thinnings_the_first_that_fits_is_taken_and_those_that_cannot_fit_are_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lists of 120 over 20 days: neither days nor 500 or 200 places leave out anything."""
    dice, sizes, tried = random.Random(5), {}, []
    data = DashboardData(dates=[START + dt.timedelta(days=number) for number in range(20)])
    data.keys = ["".join(dice.choices(ascii_letters, k=22)) for _ in range(2_000)]
    data.songs = {key: Song(key, f"Song {key}", None, False, None, None) for key in data.keys}
    data.playlists.append(Playlist("p" * 22, "P", "Desk"))
    data.snapshots["p" * 22] = [
        Snapshot(day, 120, True, [0] * 8, list(range(100 * number, 100 * number + 120 - 20 * (number == 19))))
        for number, day in enumerate(data.dates)
    ]

    def blocks(*arguments: Any) -> dict[str, str]:
        tried.append(arguments[-1])
        return real(*arguments)

    real = report_module._blocks
    monkeypatch.setattr(report_module, "_blocks", blocks)
    for depth in (None, 100, 50, 25, 10):
        budget = min(sizes.values(), default=10**9) - 1
        report = build_report(data, budget=budget)
        sizes[report.thinning.depth] = sum(map(len, report.blocks.values()))
        assert report.thinning.depth == depth
        assert {one.depth for one in tried} <= {None, 100, 50, 25, 10}, "others change nothing"
        tried.clear()

    build_report(data, budget=2_000 * 20 - 1)
    assert Thinning() not in tried
    assert build_report(data, budget=1).thinning.depth == 10


def test_the_same_rows_give_the_same_blocks(data: DashboardData) -> None:
    assert build_report(data) == build_report(data)


def test_playlist_2_comes_before_playlist_10_and_the_nameless_last_each_by_its_id() -> None:
    data = drifting(2, playlists=5)
    names = ["Playlist 10", "", "Playlist 2", "", "playlist 1"]
    data.playlists = [one._replace(name=name) for one, name in zip(data.playlists, names, strict=True)]

    labels = [one["label"] for one in told(build_report(data))["playlists"]]

    assert labels[:3] == ["playlist 1", "Playlist 2", "Playlist 10"]
    assert [label.split(" · ")[0] for label in labels[3:]] == ["(no name)", "(no name)"]
    assert len(set(labels)) == 5


def test_the_stretches_without_a_gap_are_told() -> None:
    data = drifting(30)
    (one,) = data.snapshots.values()
    data.snapshots = {"0" * 22: [*one[:10], *one[20:]]}

    (playlist,) = told(build_report(data))["playlists"]

    first = (START - dt.date(1970, 1, 1)).days
    assert playlist["spans"] == [[first, first + 9], [first + 20, first + 29]]


def test_a_weekly_rhythm_is_no_gap() -> None:
    (playlist,) = told(build_report(drifting(70, every=7)))["playlists"]

    assert len(playlist["spans"]) == 1


@pytest.mark.parametrize("name", ["\ud800", "\x00", "</script>", "\u2028"])
def test_any_name_makes_a_page(name: str) -> None:
    data = drifting(2)
    data.playlists = [data.playlists[0]._replace(name=name)]

    (playlist,) = told(build_report(data))["playlists"]

    assert playlist["name"] == name.replace("\ud800", "?")
