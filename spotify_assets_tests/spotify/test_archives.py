"""What people have: archives, lines, exports and envelopes. What can be read is taken, the rest is refused by name."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.archives import containers
from spotify_assets.spotify.archives.containers import Ignored, Refusal, as_file
from spotify_assets.spotify.importing import ImportReport, Rules, import_files
from spotify_assets.spotify.payloads import Origin, Payload, read_file
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.test_payloads import ENTRIES, ID, OTHER, entry, paging, playlist

TODAY = dt.date(2026, 11, 26)
NAME = "2026-03-01.json"


def read(data: bytes, name: str = NAME, **known: Any) -> tuple[list[Payload], list[Refusal], list[Ignored]]:
    found = list(read_file(as_file(data), name, Origin(**known)))
    return (
        [each for each in found if isinstance(each, Payload)],
        [each for each in found if isinstance(each, Refusal)],
        [each for each in found if isinstance(each, Ignored)],
    )


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


WHOLE = playlist(tracks=paging(ENTRIES))
AIRBYTE = {"_airbyte_raw_id": "1", "_airbyte_extracted_at": 1772323200000, "_airbyte_data": WHOLE}
SINGER = {"type": "RECORD", "stream": "playlists", "record": WHOLE, "time_extracted": "2026-03-01T00:00:00Z"}

ENVELOPES = {
    "a playlist under its name": {"playlist": WHOLE},
    "a playlist with its entries beside it": {"playlist": playlist(), "items": ENTRIES},
    "a playlist with its page beside it": {"playlist": playlist(), "page": paging(ENTRIES)},
    "a list of playlists under their name": {"playlists": [WHOLE]},
    "a page of playlists under their name": {"playlists": {"items": [WHOLE], "total": 1}},
    "Airbyte's": AIRBYTE,
    "Airbyte's with text": {**AIRBYTE, "_airbyte_data": json.dumps(WHOLE)},
    "Singer's": SINGER,
    "a body as text": {"status": 200, "body": json.dumps(WHOLE)},
}


@pytest.mark.parametrize("value", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_what_stands_around_a_playlist_is_taken_off(value: Any) -> None:
    ((payload,), refused, _) = read(dump(value))

    assert (payload.playlist_id, list(payload.entries.values()), refused) == (ID, ENTRIES, [])


@pytest.mark.parametrize("value", [AIRBYTE, SINGER, {**WHOLE, "fetched_at": "2026-03-01T02:00:00+02:00"}])
def test_the_content_says_the_day_where_name_and_folders_do_not(value: Any) -> None:
    ((payload,), _, _) = read(dump(value), "latest.json", uploaded=dt.datetime(2026, 5, 5, tzinfo=dt.UTC))

    assert (payload.day, payload.dated_by) == (dt.date(2026, 3, 1), "content")


def test_a_first_page_that_has_a_next_one_and_no_total_says_that_it_is_a_part() -> None:
    page = {name: value for name, value in paging(ENTRIES, next="https://next").items() if name != "total"}

    assert [payload.complete for payload in read(dump(page))[0]] == [False]


class TestLines:
    """JSON lines: each line a document, each bad line a refusal of its own."""

    @pytest.mark.parametrize(
        "name", ["2026-03-01.json", "2026-03-01.jsonl", "2026-03-01.NDJSON", "2026-03-01.jsonl.gz"]
    )
    def test_every_line_is_read_whatever_the_name(self, name: str) -> None:
        lines = b"\n".join(dump(playlist(id=each, tracks=ENTRIES)) for each in (ID, OTHER)) + b"\n\n"
        payloads, refused, _ = read(gzip.compress(lines) if name.endswith("gz") else lines, name)

        assert ([payload.playlist_id for payload in payloads], refused) == ([ID, OTHER], [])

    def test_a_bad_line_is_refused_by_number_and_the_others_are_taken(self) -> None:
        payloads, refused, _ = read(dump(WHOLE) + b"\n{broken\n" + dump({"error": {"status": 401}}))

        assert len(payloads) == 1
        assert [each.name for each in refused] == [f"{NAME} line 2", f"{NAME} line 3"]

    def test_raw_objects_of_this_platform_are_the_snapshots_they_were(self) -> None:
        at = dt.datetime(2025, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
        pages = tuple(raw.Page(at, {"items": [entry(at)], "offset": at}) for at in range(3))
        was = raw.Snapshot(
            day=at.date(),
            playlist_id=ID,
            extracted_at=at,
            run_id="run",
            source="api",
            playlist=playlist(),
            total=5,
            pages=pages,
            complete=True,
            dated_by="spotify",
        )

        ((payload,), _, _) = read(raw.to_bytes(was), "anything.jsonl.gz")

        assert (payload.day, payload.taken_at, payload.total, payload.complete) == (at.date(), at, 5, True)
        assert (payload.pages, payload.playlist, payload.dated_by) == (pages, playlist(), "spotify")


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            described = tarfile.TarInfo(name)
            described.size = len(content)
            archive.addfile(described, io.BytesIO(content))
        link = tarfile.TarInfo("link.json")
        link.type = tarfile.SYMTYPE
        archive.addfile(link)
    return file.getvalue()


class TestArchives:
    """zip and tar.gz of any of these; members are named like files in a folder."""

    @pytest.mark.parametrize(("pack", "name"), [(zipped, "old.ZIP"), (tarred, "old.tar.gz"), (tarred, "old.tgz")])
    def test_every_member_is_a_file(self, pack: Callable[..., bytes], name: str) -> None:
        members = {
            "a/2026-03-01.json": dump(WHOLE),
            "a/2026-03-02.JSON.GZ": gzip.compress(dump(WHOLE)),
            "a/broken_2026-03-03.json": b"{",
            "a/cover.png": b"\x89PNG",
            "__MACOSX/._x.json": b"junk",
        }
        payloads, refused, ignored = read(pack(**members), name)

        assert [payload.day.isoformat() for payload in payloads] == ["2026-03-01", "2026-03-02"]
        assert [each.name for each in refused] == [f"{name}/a/broken_2026-03-03.json"]
        assert {"hidden files", ".png"} <= {each.kind for each in ignored}

    def test_the_archives_name_dates_members_that_dont(self) -> None:
        ((payload,), _, _) = read(zipped(**{"list.json": dump(WHOLE)}), "backup_2026-03-04.zip")

        assert (payload.day.isoformat(), payload.dated_by) == ("2026-03-04", "folder")

    @pytest.mark.parametrize(("pack", "name"), [(zipped, "x.zip"), (tarred, "x.tar.gz")])
    def test_a_damaged_archive_is_refused_by_name(self, pack: Callable[..., bytes], name: str) -> None:
        whole = pack(**{"2026-03-01.json": dump(WHOLE) + os.urandom(2000).hex().encode()})

        _, refused, _ = read(whole[: len(whole) // 2], name)

        assert f"{name} is damaged" in refused[-1].reason

    def test_an_archive_inside_an_archive_is_refused(self) -> None:
        _, (refused,), _ = read(zipped(**{"inner.zip": zipped(**{NAME: dump(WHOLE)})}), "outer.zip")

        assert "archive inside an archive" in refused.reason

    def test_what_an_archive_unpacks_to_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(containers, "MAX_UNPACKED_BYTES", 1_000_000)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(3):
                archive.writestr(f"{number}.json", b" " * 600_000)

        _, refused, _ = read(file.getvalue(), "bomb.zip")

        assert "unpacks to more than 1000000 bytes" in refused[-1].reason


EXPORTIFY = """\
Track URI,Track Name,Artist URI(s),Artist Name(s),Album URI,Album Name,Album Release Date,Disc Number,Track Number,\
Track Duration (ms),Explicit,Popularity,ISRC,Added By,Added At
spotify:track:t1,"One, two","spotify:artist:a1, spotify:artist:a2","Ana, Bo",spotify:album:b1,LP,1999-05,1,3,201000,\
true,41,XX1,spotify:user:me,2024-01-02T03:04:05Z
spotify:local:Me:Demo:Tape:61,Tape,,Me,,Demo,,0,0,61000,false,0,,,
"""


class TestExports:
    """Tables without the playlist's id: it is in the file's name, or given."""

    @pytest.mark.parametrize("known", [{"playlist_id": ID}, {}])
    def test_a_csv_of_exportify_is_a_playlist(self, known: dict[str, str]) -> None:
        ((payload,), refused, _) = read(EXPORTIFY.encode("utf-8-sig"), f"{ID} 2026-03-01.csv", **known)

        assert (payload.playlist_id, payload.total, refused) == (ID, 2, [])
        one, tape = payload.entries.values()
        assert isinstance(one, dict)
        assert isinstance(tape, dict)
        track = one["track"]
        assert isinstance(track, dict)
        assert (one["added_at"], one["added_by"]) == ("2024-01-02T03:04:05Z", {"id": "me"})
        assert (track["id"], track["name"], track["duration_ms"], track["explicit"]) == ("t1", "One, two", 201000, True)
        assert track["artists"] == [
            {"id": "a1", "uri": "spotify:artist:a1", "name": "Ana"},
            {"id": "a2", "uri": "spotify:artist:a2", "name": "Bo"},
        ]
        assert tape["is_local"] is True

    def test_a_csv_that_is_cut_short_is_refused(self) -> None:
        payloads, (refused,), _ = read(EXPORTIFY[:-40].encode(), f"{ID} 2026-03-01.csv")

        assert payloads == []
        assert "cut short or damaged: line 3" in refused.reason

    def test_a_csv_of_no_known_playlist_says_what_to_give(self) -> None:
        _, (refused,), _ = read(EXPORTIFY.encode(), "my_list_2026-03-01.csv")

        assert "give --playlist-id" in refused.reason

    def test_the_text_of_spotify_backup_is_a_playlist(self) -> None:
        lines = [
            "My list",
            "One\tAna, Bo\tLP\tspotify:track:t1\t1999-05",
            "Two\tAna\tLP\tspotify:track:t2\t1999",
            "",
            "",
        ]

        ((payload,), refused, _) = read("\r\n".join(lines).encode(), "2026-03-01.txt", playlist_id=ID)

        assert ([item["track"]["id"] for item in payload.entries.values()], refused) == (["t1", "t2"], [])  # pyright: ignore[reportArgumentType, reportCallIssue, reportIndexIssue, reportOptionalSubscript]
        assert payload.playlist["name"] == "My list"

    def test_several_playlists_in_one_text_are_each_refused_by_name(self) -> None:
        text = "A\r\nOne\tAna\tLP\tspotify:track:t1\t1999\r\n\r\nB\r\nTwo\tBo\tLP\tspotify:track:t2\t1999\r\n\r\n"

        payloads, refused, _ = read(text.encode(), "2026-03-01.txt", playlist_id=ID)

        assert (payloads, len(refused)) == ([], 2)
        assert "'A'" in refused[0].reason

    def test_other_text_is_not_looked_at(self) -> None:
        assert [each.kind for each in read(b"Dear diary", "diary.txt")[2]] == [".txt"]


OTHERS = {
    "saved shows": {"items": [{"added_at": "2024", "show": {"id": "s"}}], "href": "h"},
    "recently played": {"items": [{"played_at": "2024", "track": {"id": "t"}, "context": None}]},
    "saved tracks": paging(ENTRIES, href="https://api.spotify.com/v1/me/tracks?offset=0"),
    "saved albums": {"items": [{"added_at": "2024", "album": {"id": "a"}}]},
    "saved episodes": {"items": [{"added_at": "2024", "episode": {"id": "a"}}]},
    "top tracks": {
        "items": [{"type": "track", "id": "t", "album": {}}],
        "href": "https://api.spotify.com/v1/me/top/tracks",
    },
    "a list of tracks": [{"type": "track", "id": "t", "album": {}}],
    "a single artist": {"type": "artist", "id": "a", "genres": []},
    "audio features": {"audio_features": [{"id": "t"}]},
    "an access token": {"access_token": "secret-token", "expires_in": 3600},
    "a streaming history": [{"endTime": "2024", "artistName": "A", "trackName": "T", "msPlayed": 3}],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_playlist_is_refused_as_what_it_is(kind: str) -> None:
    payloads, (refused,), _ = read(dump(OTHERS[kind]), f"{ID}_2026-03-01.json")

    assert payloads == []
    assert kind in refused.reason
    assert "secret-token" not in refused.reason


def test_a_backup_takes_the_playlists_and_names_the_rest(store: ObjectStore, tmp_path: Path) -> None:
    backup = {
        "playlists": [playlist(tracks=ENTRIES), {"name": "Liked Songs", "tracks": ENTRIES}],
        "albums": [{"id": "a"}],
    }
    (tmp_path / NAME).write_bytes(dump(backup))

    report = import_files(store, [tmp_path / NAME], Rules(TODAY))

    assert [each.playlist_id for each in report.new] == [ID]
    assert ["'Liked Songs'" in each.reason or "albums are 1" in each.reason for each in report.refused] == [True, True]


class TestPlaces:
    """What is no file is never opened, and a folder that can't be read does not end an import."""

    def take(self, store: ObjectStore, *given: Path) -> ImportReport:
        return import_files(store, given, Rules(TODAY))

    def test_pipes_and_devices_are_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.json")

        report = self.take(store, tmp_path / "pipe.json", Path("/dev/zero"))

        assert ["no regular file" in each.reason for each in report.refused] == [True, True]

    def test_in_folders_they_are_counted_and_links_not_followed(self, store: ObjectStore, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.json")
        (tmp_path / "loop").symlink_to(tmp_path)
        (tmp_path / "notes.md").write_text("x")
        (tmp_path / "2026-03-01").write_bytes(dump(WHOLE))
        (tmp_path / "Makefile").write_text("all:")

        report = self.take(store, tmp_path)

        assert dict(report.ignored) == {"links": 1, "pipes, sockets and devices": 1, ".md": 1, "no suffix": 1}
        assert (report.files, len(report.new)) == (1, 1)

    def test_folders_nested_without_end_are_left(self, store: ObjectStore, tmp_path: Path) -> None:
        deep = tmp_path.joinpath(*["d"] * 150)
        deep.mkdir(parents=True)
        (tmp_path / NAME).write_bytes(dump(WHOLE))

        report = self.take(store, tmp_path)

        assert len(report.new) == 1
        assert "nested deeper" in report.refused[0].reason
