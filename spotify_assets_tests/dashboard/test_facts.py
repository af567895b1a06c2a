"""Three sentences, whatever the warehouse holds."""

from __future__ import annotations

from pathlib import Path

from spotify_assets.dashboard.facts import changed_yesterday
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, warehouse_rows


def _facts(tmp_path: Path, world: World) -> tuple[str, str, str]:
    return changed_yesterday(fill_warehouse(tmp_path, warehouse_rows(world)))


def test_the_facts_name_the_turnover_the_highest_entry_and_the_farthest_move(tmp_path: Path) -> None:
    world = World()
    a, b, c, d = (world.song(name, f"Artist {name}") for name in "ABCD")
    world.playlist("p", "First", {day(0): [a, b, c], day(1): [b, d, a]})
    world.playlist("q", "Second", {day(0): [a], day(1): [a]})

    assert _facts(tmp_path, world) == (
        "1 song entered and 1 left across 2 playlists on 9 November 2026, most in First (1 in, 1 out).",
        "“D” by Artist D is the highest new entry, at 2 in First.",
        "“A” by Artist A fell farthest, from 1 to 3 in First.",
    )


def test_a_playlist_not_read_yesterday_did_not_change_yesterday(tmp_path: Path) -> None:
    world = World()
    a, b = world.song("A", "X"), world.song("B", "X")
    world.playlist("p", "Stopped", {day(0): [a], day(1): [b]})
    world.playlist("q", "Going on", {day(1): [a], day(2): [a]})

    first, second, third = _facts(tmp_path, world)

    assert first == "Nothing entered or left any of 1 playlist on 10 November 2026."
    assert second == "“A” by X has been in Going on for 2 snapshots in a row; no song has been anywhere longer."
    assert third == "No song changed its place."


def test_the_first_day_has_facts(tmp_path: Path) -> None:
    world = World()
    world.playlist("p", "List", {day(0): [world.song("A", "X")]})

    assert _facts(tmp_path, world) == (
        "8 November 2026 is the first day: what enters and leaves shows with the next snapshot.",
        "No song has been in its playlist for more than one snapshot.",
        "No song can have moved yet.",
    )


def test_an_empty_warehouse_has_facts(tmp_path: Path) -> None:
    assert _facts(tmp_path, World())[0] == "No snapshot has been loaded yet."


def test_playlists_without_songs_have_facts(tmp_path: Path) -> None:
    world = World()
    world.playlist("p", "Podcasts", {day(0): [None], day(1): []})

    assert _facts(tmp_path, world)[1] == "No song is in any playlist."


def test_foreign_text_stays_on_one_line_without_control_characters(tmp_path: Path) -> None:
    world = World()
    a, b = world.song("A\n\x1b[31mred", "X\ty"), world.song("", "X")
    world.playlist("p", "", {day(0): [b], day(1): [b, a]})

    found = _facts(tmp_path, world)

    assert "“A [31mred” by X y is the highest new entry, at 2 in a playlist without a name." in found
    assert not any("\n" in fact or "\x1b" in fact for fact in found)


def test_a_snapshot_that_was_not_read_whole_says_nothing_of_what_left(tmp_path: Path) -> None:
    world = World()
    a, b = world.song("A", "X"), world.song("B", "X")
    world.playlist("p", "Half read", {day(0): [a, b], day(1): [a]})
    world.partial["p", day(1)] = 2

    first, second, _ = _facts(tmp_path, world)

    assert first == "No playlist was read whole on 9 November 2026: nothing can be said of what changed."
    assert second == "No song is known to have entered."
