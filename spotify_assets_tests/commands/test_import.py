"""`spotify-assets import`: files and folders in, a summary out, exit 1 when anything was refused."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spotify_assets.cli import main
from spotify_assets.lake.layout import RAW_PREFIX
from spotify_assets.spotify import snapshot as raw
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.lakes import SHARED_DATA
from spotify_assets_tests.recorded import EITHER, Payloads, day_of, landed, load, there
from spotify_assets_tests.spotify.test_git_history import Repository, of
from spotify_assets_tests.spotify.test_payloads import ENTRIES, ID, entry, paging, playlist


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of its own, and no other setting."""
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path / "a home"))
    for name in ("LAKE_URL", "SPOTIFY_CLIENT_ID", "SPOTIFY_PLAYLISTS", "PARTITIONS_START"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def lake(home: Path) -> ObjectStore:
    return ObjectStore.open((home / "a home" / "lake").as_uri())


def stored(home: Path) -> list[raw.Snapshot]:
    keys = sorted(found.key for found in lake(home).list(RAW_PREFIX))
    return [raw.read(lake(home), key) for key in keys]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)], catch_exceptions=False)


def put(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(value).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def entries(snapshot: raw.Snapshot) -> list[Any]:
    return [item for page in snapshot.pages for item in page.items]


def test_a_file_becomes_a_snapshot_and_again_nothing_changes(home: Path) -> None:
    path = put(home, "2026-03-01.json", playlist(tracks=ENTRIES))

    first, second = run(path), run(path)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "1 files: 1 snapshots imported (3 entries), 0 unchanged, 0 refused." in first.output
    assert "Next: spotify-assets build --from 2026-03-01 --to 2026-03-01" in first.output
    assert "0 snapshots imported (0 entries), 1 unchanged, 0 refused." in second.output
    assert len(stored(home)) == 1


def test_a_folder_is_searched_and_pages_in_it_are_put_together(home: Path) -> None:
    for start in (0, 50, 100):
        page = paging([entry(number) for number in range(start, min(start + 50, 120))], offset=start, total=120)
        put(home / "inbox", f"deep/er/page-{start}.json.gz", page)

    result = run(home / "inbox", "--date", "2026-03-01")

    assert result.exit_code == 0
    assert [snapshot.entries for snapshot in stored(home)] == [120]


def test_what_is_refused_is_named_with_its_reason_and_the_rest_is_taken(home: Path) -> None:
    good = put(home, "2026-03-01.json", playlist(tracks=ENTRIES))
    bad = put(home, "2026-03-02.json", {"error": {"status": 404}})

    result = run(good, bad)

    assert result.exit_code == 1
    assert f"refused  {bad} is an error answer of Spotify" in result.output
    assert "1 snapshots imported (3 entries), 0 unchanged, 1 refused." in result.output


def test_force_replaces_a_different_snapshot(home: Path) -> None:
    run(put(home, "2026-03-01.json", playlist(tracks=ENTRIES)))
    other = put(home, "other/2026-03-01.json", playlist(tracks=ENTRIES[:1]))

    assert run(other).exit_code == 1
    assert run(other, "--force").exit_code == 0
    assert raw.read(lake(home), raw.newest_of_day(lake(home), dt.date(2026, 3, 1))[ID]).entries == 1


def test_the_playlist_may_be_given_as_a_link(home: Path) -> None:
    path = put(home, "2026-03-01.json", ENTRIES)

    result = run(path, "--playlist-id", f"https://open.spotify.com/playlist/{ID}?si=1")

    assert result.exit_code == 0
    assert [snapshot.playlist_id for snapshot in stored(home)] == [ID]


def test_a_bad_playlist_id_is_a_users_mistake(home: Path) -> None:
    result = run(put(home, "2026-03-01.json", ENTRIES), "--playlist-id", "nonsense")

    assert result.exit_code == 2
    assert "'nonsense' is no playlist id, URI or link." in result.output


def test_a_partial_playlist_is_pointed_out(home: Path) -> None:
    result = run(put(home, "2026-03-01.json", paging(ENTRIES, total=250)))

    assert f"partial  {ID} on 2026-03-01 holds 3 of 250 entries" in result.output


def test_like_reasons_are_grouped_with_examples_and_json_has_them_all(home: Path) -> None:
    for number in range(1, 6):
        put(home / "in", f"2026-03-0{number}.json", {"error": {"status": 404, "message": "gone"}})
    put(home / "in", "2026-03-09.json", playlist(tracks=ENTRIES))
    (home / "in" / "cover.png").write_bytes(b"")

    result = run(home / "in", "--json")

    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert "5 alike:" in result.stderr
    assert "2026-03-03.json, and 2 more" in result.stderr
    assert "Not looked at: 1 .png." in result.stderr
    assert [(each["date"], each["entries"], each["is_new"]) for each in report["snapshots"]] == [
        ("2026-03-09", 3, True)
    ]
    assert len(report["refused"]) == 5
    assert report["not_looked_at"] == {".png": 1}


def test_the_history_of_a_repository_is_imported(home: Path) -> None:
    repository = Repository(home / "scraped")
    for number in (1, 2):
        repository.commit(f"2024-01-0{number}T06:00:00Z", **{f"lists__{ID}.json": of(number), "other.json": b"{}"})

    result = run("--git", repository.folder, "--path", "lists", "--since", "2024-01-02")

    assert result.exit_code == 0
    assert [snapshot.day.isoformat() for snapshot in stored(home)] == ["2024-01-02"]
    assert "1 files: 1 snapshots imported (1 entries), 0 unchanged, 0 refused." in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say what to import"),
        (["--fill"], "Say what to import"),
        (["x.json", "--since", "2024-01-01"], "that --git reads"),
    ],
)
def test_what_is_asked_wrongly_is_said(home: Path, arguments: list[str], said: str) -> None:
    given = [str(put(home, "x.json", ENTRIES)) if each == "x.json" else each for each in arguments]

    result = run(*given)

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("payloads", [EITHER[0], EITHER[-1]])
def test_every_file_in_one_folder_with_noise_is_one_command_and_every_file_is_accounted_for(
    home: Path, payloads: Payloads
) -> None:
    everything = home / "everything"
    shutil.copytree(payloads.root, everything)
    os.mkfifo(everything / "pipe")
    (everything / "cover.png").write_bytes(b"\x89PNG")
    (everything / "old.ZIP").write_bytes(b"PK\x03\x04 damaged")
    (everything / "link").symlink_to("/dev/zero")
    files = [path for path in everything.rglob("*") if not path.is_dir()]

    result = run(everything, "--json")

    report = json.loads(result.stdout)
    assert report["files"] + sum(report["not_looked_at"].values()) == len(files)
    known = [each["reason"] for each in report["refused"]]
    assert sum("Nothing says of which day" in reason for reason in known) >= len(payloads.playlists())
    assert {day_of(path).isoformat() for path in payloads.history()} <= {each["date"] for each in report["snapshots"]}
    assert not any("Traceback" in reason or "Error(" in reason for reason in known)
    assert len(result.stderr.splitlines()) < 60, "a report that somebody reads"


@pytest.mark.parametrize("payloads", EITHER)
class TestPayloadsOfEveryShape:
    """Every file goes in as it is, every entry in its place."""

    def test_all_playlists(self, home: Path, payloads: Payloads) -> None:
        files = payloads.playlists()

        assert run(*files, "--date", "2026-03-10").exit_code == 0

        snapshots = {snapshot.playlist_id: snapshot for snapshot in stored(home)}
        assert len(snapshots) == len(files)
        for value in map(load, files):
            assert entries(snapshots[value["id"]]) == value["tracks"]
            assert snapshots[value["id"]].playlist == {name: part for name, part in value.items() if name != "tracks"}

    def test_the_history(self, home: Path, payloads: Payloads) -> None:
        files = payloads.history()

        assert run(*files).exit_code == 0

        snapshots = {snapshot.day: snapshot for snapshot in stored(home)}
        assert len(snapshots) == len(files)
        for path in files:
            assert entries(snapshots[day_of(path)]) == load(path)["tracks"]
        before = sorted(found.key for found in lake(home).list(RAW_PREFIX))
        assert f"{len(files)} unchanged" in run(*files).output
        assert sorted(found.key for found in lake(home).list(RAW_PREFIX)) == before

    def test_the_landing_files(self, home: Path, payloads: Payloads) -> None:
        assert run(payloads.root / "lambda-landing").exit_code == 0

        want = [(raw.day, raw.entries) for path in payloads.landing() for raw in landed(path)]
        assert sorted((snapshot.day, snapshot.entries) for snapshot in stored(home)) == sorted(want)

    def test_the_pages_of_the_new_shape(self, home: Path, payloads: Payloads) -> None:
        files = payloads.files("derived-new-shape/*/items.*.json*")

        assert run(*files, "--date", "2026-03-10").exit_code == 0

        want: dict[str, list[Any]] = {}
        for path in files:
            known = load(path)["href"].split("/playlists/")[1].split("/")[0]
            want.setdefault(known, []).extend(load(path)["items"])
        assert {snapshot.playlist_id: entries(snapshot) for snapshot in stored(home)} == want
        assert all(snapshot.entries == snapshot.total for snapshot in stored(home))

    def test_an_owned_playlist_and_its_pages_are_one_snapshot(self, home: Path, payloads: Payloads) -> None:
        owned = payloads.files("derived-new-shape/*/playlist.owned.json*")[0]
        pages = sorted(owned.parent.glob("items.*.json*"))

        assert run(*pages, owned, "--date", "2026-03-10").exit_code == 0

        [snapshot] = stored(home)
        assert snapshot.entries == snapshot.total == sum(len(load(page)["items"]) for page in pages)
        assert snapshot.playlist["name"] == load(owned)["name"]

    def test_every_page_of_a_client_library_is_a_snapshot(self, home: Path, payloads: Payloads) -> None:
        pages = payloads.client_pages()
        files = [path for path in payloads.files("clients/*/*.json*") if path.name.split(".")[0] in pages]
        paths = [path for path in files if "/playlists/" in load(path)["href"]]

        for number, path in enumerate(paths, 1):
            assert run(path, "--date", f"2026-03-{number:02d}").exit_code == 0

        counts = {snapshot.day.day: snapshot.entries for snapshot in stored(home)}
        assert counts == {number: len(load(path)["items"]) for number, path in enumerate(paths, 1)}


@there
@pytest.mark.parametrize(
    ("name", "count"),
    [("get_playlist", 4), ("get_playlist_opt", 40), ("new_playlist", 0), *((f"playlist_{n}", None) for n in (1, 2, 3))],
)
def test_the_whole_playlists_that_client_libraries_recorded(name: str, count: int | None, home: Path) -> None:
    [path] = (SHARED_DATA / "clients").glob(f"*/{name}.json.gz")

    assert run(path, "--date", "2026-03-10").exit_code == 0

    [snapshot] = stored(home)
    assert count is None or snapshot.entries == count
