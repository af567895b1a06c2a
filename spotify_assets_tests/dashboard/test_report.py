"""What the page is told, against the world it was made from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from spotify_assets.dashboard.data import DashboardData, read_dashboard_data
from spotify_assets.dashboard.page import json_for_script
from spotify_assets.dashboard.report import PlaylistReport, Report, build_report
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, warehouse_rows


@pytest.fixture(scope="module")
def report(data: DashboardData) -> Report:
    return build_report(data)


def _playlist(report: Report, playlist_id: str) -> PlaylistReport:
    return next(playlist for playlist in report.playlists if playlist.id == playlist_id)


def _report(tmp_path: Path, world: World) -> Report:
    return build_report(fill_warehouse(tmp_path, warehouse_rows(world)).run(read_dashboard_data))


def test_the_lines_hold_every_rank_of_the_chart(world: World, report: Report) -> None:
    chart = _playlist(report, "chart001")
    found: dict[str, dict[int, str]] = {date: {} for date in chart.days}
    for song, first, *ranks in chart.ranks.lines:
        for number, rank in enumerate(ranks):
            if rank is not None and first is not None:
                found[chart.days[first + number]][rank] = report.songs[song or 0][0]

    expected = {
        date.isoformat(): {place + 1: world.songs[song or ""].name for place, song in enumerate(entries)}
        for date, entries in world.snapshots["chart001"].items()
    }

    assert found == expected


def test_a_song_that_came_back_has_a_gap_in_its_line(tmp_path: Path) -> None:
    world = World()
    stays, returns = world.song("Stays", "A"), world.song("Returns", "A")
    world.playlist("p", "List", {day(0): [returns, stays], day(1): [stays], day(2): [stays, returns]})

    (playlist,) = _report(tmp_path, world).playlists

    assert [line[1:] for line in playlist.ranks.lines] == [[0, 2, 1, 1], [0, 1, None, 2]]


def test_a_missing_day_is_no_gap(report: Report) -> None:
    quiet = _playlist(report, "quiet")

    assert len(quiet.days) == 12
    assert all(None not in line for line in quiet.ranks.lines)
    assert not any(quiet.entered)


def test_when_songs_must_be_dropped_todays_stay(data: DashboardData, world: World) -> None:
    short = dataclasses.replace(data, limits=dataclasses.replace(data.limits, songs=100))

    chart = _playlist(build_report(short), "chart000")
    today = len(chart.days) - 1

    assert chart.ranks.songs > 100
    assert len(chart.ranks.lines) == 100
    assert all((line[1] or 0) + len(line) - 3 == today for line in chart.ranks.lines)


def test_entered_and_left_carry_ranks_from_one(tmp_path: Path) -> None:
    world = World()
    goes, stays, comes = (world.song(name, "A") for name in ("Goes", "Stays", "Comes"))
    world.playlist("p", "List", {day(0): [goes, stays], day(3): [comes, stays]})

    report = _report(tmp_path, world)
    changes = report.playlists[0].changes

    assert changes.since == day(0).isoformat()
    assert [(report.songs[song][0], rank) for song, rank in changes.entered] == [("Comes", 1)]
    assert [(report.songs[song][0], rank) for song, rank in changes.left] == [("Goes", 1)]
    assert changes.totals == {"entered": 1, "left": 1, "moved": 0}


def test_artist_lines_have_a_value_for_every_day(report: Report) -> None:
    for playlist in report.playlists:
        assert all(len(artist.slots) == len(playlist.days) for artist in playlist.artists)
    assert all(len(artist.shares) == len(report.all_days) for artist in report.all_artists)


def test_entries_without_a_release_year_are_counted_apart(tmp_path: Path) -> None:
    world = World()
    songs = [world.song("Old", "A", year=1971), world.song("Undated", "A", year=None)]
    world.playlist("p", "List", {day(0): [*songs, None]})

    years = _report(tmp_path, world).playlists[0].years

    assert (years.years, years.unknown, years.median_age) == ([(1971, 1)], 1, 55.0)


def test_the_page_opens_on_a_playlist_that_changed_and_can_be_drawn_whole(report: Report) -> None:
    assert report.opening in ("chart000", "chart001", "chart002")


def test_playlists_are_sorted_by_name(report: Report) -> None:
    names = [playlist.name.casefold() for playlist in report.playlists]

    assert names == sorted(names)


def test_a_playlist_of_episodes_has_no_ranks(tmp_path: Path) -> None:
    world = World()
    world.playlist("p", "Podcasts", {day(0): [None, None], day(1): [None]})

    (playlist,) = _report(tmp_path, world).playlists

    assert playlist.sizes == [2, 1]
    assert playlist.ranks.lines == []
    assert playlist.artists == []


def test_an_archive_of_ten_thousand_entries_keeps_the_data_small(tmp_path: Path) -> None:
    world = World()
    songs = [world.song(f"Song number {number}", f"Artist {number % 500}") for number in range(10_000)]
    world.playlist("p", "Archive", {day(0): songs[1:], day(1): songs})

    report = _report(tmp_path, world)

    assert len(report.playlists[0].ranks.lines) <= 101
    assert len(json_for_script(dataclasses.asdict(report))) < 40_000


def test_the_report_survives_json(report: Report) -> None:
    assert json.loads(json_for_script(dataclasses.asdict(report)))["last_on"] == day(13).isoformat()
