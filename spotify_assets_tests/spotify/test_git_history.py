"""Git-scraped archives: every version of every file is the snapshot of its day, whenever it is read, however often."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.failures import PermanentError
from spotify_assets.spotify import importing
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.archives.git_history import Blobs, read_history
from spotify_assets.spotify.importing import ImportReport, Rules, import_files, import_versions
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.lakes import rows
from spotify_assets_tests.recorded import EITHER, Payloads, day_of, load
from spotify_assets_tests.spotify.test_payloads import ID, OTHER, entry, playlist

TODAY = dt.date(2026, 11, 26)
TABLES = ("playlists", "playlist_items", "songs", "albums", "artists", "song_artists", "album_artists")


class Repository:
    """A git repository in a folder, with commits at the times a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: str = "2024-01-01T00:00:00Z") -> str:
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": os.devnull}
        who = ("-c", "user.name=Scraper", "-c", "user.email=scraper@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *who, *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, **dates},
        )
        return done.stdout.decode()

    def commit(self, at: str, **files: bytes | None) -> None:
        """Commit files (name with `__` for `/`, `None` to delete) at a time, ISO with its zone."""
        for name, content in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", at, at=at)


def of(*numbers: int) -> bytes:
    return json.dumps(playlist(tracks=[entry(number) for number in numbers])).encode()


def pretty(*numbers: int) -> bytes:
    """A playlist as the public playlist archive writes it."""
    tracks = [
        {
            "added_at": "2024-01-01 02:03:04",
            "name": f"Song {number}",
            "url": f"https://open.spotify.com/track/{number:022d}",
            "duration_ms": 200_000 + number,
            "album": {"name": "Album", "url": f"https://open.spotify.com/album/{7:022d}"},
            "artists": [{"name": "Ana", "url": f"https://open.spotify.com/artist/{8:022d}"}],
        }
        for number in numbers
    ]
    return json.dumps(
        {
            "original_name": "A list",
            "unique_name": "A list",
            "description": "said",
            "num_followers": 12,
            "owner": {"name": "Me", "url": "https://open.spotify.com/user/me"},
            "snapshot_id": "v1",
            "tracks": tracks,
        }
    ).encode()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "a repository")


def take(store: ObjectStore, repository: Repository, *paths: str, since: dt.date | None = None, fill: bool = False):
    history = read_history(repository.folder, paths, since, fill=fill)
    return import_versions(store, lambda: store, repository.folder, history.versions, Rules(TODAY))


def snapshots(store: ObjectStore) -> dict[str, tuple[int, ...]]:
    """Day to the songs' numbers of the playlist ID."""
    found = {}
    for stored in store.list("raw/"):
        snapshot = raw.read(store, stored.key)
        songs = (
            item["track"]["id"]
            for page in snapshot.pages
            for item in page.items
            if isinstance(item, dict) and isinstance(item["track"], dict)
        )
        found[str(snapshot.day)] = tuple(int(str(song)) for song in songs)
    return found


def test_every_version_is_the_snapshot_of_its_commits_utc_day_and_the_last_of_a_day_counts(
    store: ObjectStore, repository: Repository
) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f"{ID}.json": of(1)})
    repository.commit("2024-01-02T06:00:00Z", **{f"{ID}.json": of(1, 2)})
    repository.commit("2024-01-02T18:00:00Z", **{f"{ID}.json": of(1, 2, 3)})
    repository.commit("2024-01-04T23:30:00-02:00", **{f"{ID}.json": of(3)})

    report = take(store, repository)

    assert snapshots(store) == {"2024-01-01": (1,), "2024-01-02": (1, 2, 3), "2024-01-05": (3,)}
    assert (len(report.new), report.refused) == (3, [])
    (first, *_) = sorted(store.list("raw/"), key=lambda found: found.key)
    assert raw.read(store, first.key).dated_by == "commit"


def test_the_public_playlist_archives_pretty_json_is_read(store: ObjectStore, repository: Repository) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f"playlists__pretty__{ID}.json": pretty(1, 2), "README.md": b"# x"})

    report = take(store, repository)

    (built,) = build_days(store, "run", work(store))
    (row,) = rows(store, built, "playlists")
    assert row[:6] == (ID, "A list", "said", "me", "Me", None)
    assert (row[7], row[9], row[10], row[11]) == (12, 2, 2, True)
    assert [(song[0], song[2], song[5]) for song in rows(store, built, "songs")] == [
        (f"{number:022d}", f"Song {number}", 200_000 + number) for number in (1, 2)
    ]
    assert rows(store, built, "playlist_items")[0][6] == dt.datetime(2024, 1, 1, 2, 3, 4)  # noqa: DTZ001
    assert (rows(store, built, "artists"), dict(report.ignored)) == (
        [(f"{8:022d}", "Ana", f"https://open.spotify.com/artist/{8:022d}")],
        {".md": 1},
    )


def test_only_a_path_and_only_since_a_day(store: ObjectStore, repository: Repository) -> None:
    for number in (1, 2, 3):
        day = f"2024-01-0{number}T06:00:00Z"
        repository.commit(day, **{f"in__{ID}.json": of(number), f"out__{OTHER}.json": of(number)})

    take(store, repository, "in", since=dt.date(2024, 1, 2))

    assert snapshots(store) == {"2024-01-02": (2,), "2024-01-03": (3,)}


def test_days_without_a_commit_are_gaps_or_on_request_seen_unchanged_while_the_file_was_there(
    store: ObjectStore, repository: Repository, tmp_path: Path
) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f"{ID}.json": of(1)})
    repository.commit("2024-01-04T06:00:00Z", **{f"{ID}.json": None})
    repository.commit("2024-01-06T06:00:00Z", **{f"{ID}.json": of(2)})
    repository.commit("2024-01-08T06:00:00Z", **{"other.txt": b"the scrape ran"})
    filled = ObjectStore.open((tmp_path / "filled").as_uri())

    take(store, repository)
    take(filled, repository, fill=True)

    assert snapshots(store) == {"2024-01-01": (1,), "2024-01-06": (2,)}
    assert snapshots(filled) == {
        **{f"2024-01-0{day}": (1,) for day in (1, 2, 3)},
        **{f"2024-01-0{day}": (2,) for day in (6, 7, 8)},
    }
    unchanged = [raw.read(filled, found.key).notes for found in filled.list("raw/snapshot_date=2024-01-02/")]
    assert unchanged == [{"unchanged_since": "2024-01-01"}]


def test_a_file_that_says_its_day_is_of_that_day_whenever_it_was_committed(
    store: ObjectStore, repository: Repository
) -> None:
    repository.commit("2024-03-01T06:00:00Z", **{"2024-01-05.json": of(9)})
    repository.commit("2024-03-02T06:00:00Z", **{"2024-01-05.json": of(5)})

    take(store, repository)

    assert snapshots(store) == {"2024-01-05": (5,)}


def test_what_is_no_playlist_is_refused_by_name_and_version(store: ObjectStore, repository: Repository) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f"{ID}.json": of(1), "broken.json": b"{", "stats.json": b"{}"})

    report = take(store, repository)

    assert len(report.new) == 1
    assert sorted(each.name for each in report.refused) == ["broken.json", "stats.json"]
    assert all("(version of 2024-01-01)" in each.reason for each in report.refused)


def test_names_of_any_kind_are_read(store: ObjectStore, repository: Repository) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f'a "name"\twith\nall {ID}.json': of(1)})

    assert len(take(store, repository).new) == 1


def test_a_folder_without_history_is_refused_in_gits_words(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(PermanentError, match="git says 'fatal: not a git repository"):
        read_history(tmp_path / "plain")


def test_a_clone_without_its_past_is_said(repository: Repository, tmp_path: Path) -> None:
    for number in (1, 2):
        repository.commit(f"2024-01-0{number}T06:00:00Z", **{f"{ID}.json": of(number)})
    url = repository.folder.as_uri()
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(tmp_path / "clone")], check=True)

    assert read_history(tmp_path / "clone").is_shallow
    assert not read_history(repository.folder).is_shallow


def test_a_repository_without_a_work_tree_is_read_and_nothing_is_written_to_it(
    store: ObjectStore, repository: Repository, tmp_path: Path
) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{f"{ID}.json": of(1)})
    subprocess.run(["git", "clone", "-q", "--bare", str(repository.folder), str(tmp_path / "bare")], check=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "bare").rglob("*")}

    history = read_history(tmp_path / "bare")
    import_versions(store, lambda: store, tmp_path / "bare", history.versions, Rules(TODAY))

    assert snapshots(store) == {"2024-01-01": (1,)}
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "bare").rglob("*")} == before


def test_an_import_that_was_killed_anywhere_and_repeated_is_the_same(
    store: ObjectStore, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 8):
        repository.commit(f"2024-01-0{number}T06:00:00Z", **{f"{ID}.json": of(*range(number))})
    take(store, repository)
    whole = {found.key: store.get(found.key) for found in store.list("raw/")}

    class Killed(BaseException):
        """The process is gone."""

    for survived in range(7):
        other = ObjectStore.open((tmp_path / f"killed {survived}").as_uri())
        writes = iter(range(100))

        def create(key: str, data: bytes, store: ObjectStore = other, writes: Iterator[int] = writes) -> bool:
            if next(writes) == survived:  # noqa: B023
                raise Killed
            return ObjectStore.create(store, key, data)

        monkeypatch.setattr(other, "create", create)
        with pytest.raises(Killed):
            take(other, repository)
        monkeypatch.undo()
        take(other, repository)

        assert {found.key: other.get(found.key) for found in other.list("raw/")} == whole


@pytest.mark.parametrize("payloads", EITHER)
def test_daily_versions_give_the_same_tables_as_their_files(
    store: ObjectStore, repository: Repository, tmp_path: Path, payloads: Payloads
) -> None:
    days = payloads.history()
    for path in days:
        content = json.dumps(load(path)).encode()
        repository.commit(f"{day_of(path)}T05:00:00Z", **{f"playlists__{path.parent.name}.json": content})
    files = ObjectStore.open((tmp_path / "files").as_uri())

    by_git = take(store, repository)
    by_file: ImportReport = import_files(files, days, Rules(TODAY))

    assert len(by_git.new) == len(by_file.new) == len(days)
    one, other = build_days(store, "run", work(store)), build_days(files, "run", work(files))
    for table in TABLES:
        without_time = slice(None, -1) if table == "playlists" else slice(None)
        assert [[row[without_time] for row in rows(store, day, table)] for day in one] == [
            [row[without_time] for row in rows(files, day, table)] for day in other
        ], table


def test_many_versions_are_read_by_several_processes_alike(
    store: ObjectStore, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functools import partial

    for number in range(1, 6):
        repository.commit(f"2024-01-0{number}T06:00:00Z", **{f"{ID}.json": of(*range(number))})
    take(store, repository)
    url = (tmp_path / "several").as_uri()
    monkeypatch.setattr(importing, "_FEW_VERSIONS", 0)
    monkeypatch.setattr(importing, "_VERSIONS_A_TASK", 2)
    versions = read_history(repository.folder).versions
    done: list[int] = []

    report = import_versions(
        ObjectStore.open(url), partial(ObjectStore.open, url), repository.folder, versions, Rules(TODAY), done.append
    )

    assert (report.files, done) == (5, [2, 4, 5])
    assert [found.key for found in ObjectStore.open(url).list("raw/")] == [found.key for found in store.list("raw/")]


def test_a_content_that_is_too_large_is_passed_over_and_the_next_is_read(repository: Repository) -> None:
    repository.commit("2024-01-01T06:00:00Z", **{"large.json": b" " * 3_000_000, "small.json": b"[]"})
    ids = {version.path: version.blob for version in read_history(repository.folder).versions}

    with Blobs(repository.folder, 1_000) as blobs:
        with pytest.raises(PermanentError, match="3000000 bytes"):
            blobs.read(ids["large.json"])
        assert blobs.read(ids["small.json"]) == b"[]"
