"""Importing a git-scraped archive of 10,000 versions, beside reading the same versions barely.

The archive is what the public playlist archive is: "pretty" JSON of 20 playlists of 50 tracks, committed daily. The
baseline reads every version from git, parses it and writes it gzipped to a file of its own, in one process.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import in_own_process, report
from spotify_assets.spotify.archives.git_history import Blobs, read_history
from spotify_assets.spotify.importing import Rules, import_versions
from spotify_assets.storage.object_store import ObjectStore

VERSIONS = 10_000
PLAYLISTS = 20
TRACKS = 50
FIRST = dt.datetime(2024, 1, 1, 6, tzinfo=dt.UTC)


def main() -> None:
    """Import 10,000 versions; say how many a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = folder / "repository"
        make_repository(repository, VERSIONS, PLAYLISTS)
        product = in_own_process(partial(_import, repository, (folder / "lake").as_uri()))
        barely = in_own_process(partial(_read_barely, repository, folder / "barely"))
        report(f"importing {VERSIONS} versions of a git history", product, [("reading them barely", barely)])
        print(f"  {VERSIONS / product.seconds:.0f} versions a second")


def _import(repository: Path, url: str) -> None:
    versions = read_history(repository).versions
    today = dt.datetime.now(dt.UTC).date()
    done = import_versions(ObjectStore.open(url), partial(ObjectStore.open, url), repository, versions, Rules(today))
    assert len(done.new) == VERSIONS, done.refused[:3]


def _read_barely(repository: Path, folder: Path) -> None:
    folder.mkdir()
    with Blobs(repository, 10**8) as blobs:
        for number, version in enumerate(read_history(repository).versions):
            value = json.loads(blobs.read(version.blob))
            (folder / f"{number}.json.gz").write_bytes(gzip.compress(json.dumps(value).encode(), 4))


def make_repository(folder: Path, versions: int, playlists: int) -> None:
    """A repository of `versions` versions of `playlists` files, a commit of all of them a day."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    command = ["git", "-C", str(folder), "fast-import", "--quiet"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for day in range(versions // playlists):
            at = int((FIRST + dt.timedelta(days=day)).timestamp())
            process.stdin.write(f"commit refs/heads/main\ncommitter Scraper <s@example.com> {at} +0000\n".encode())
            process.stdin.write(b"data 0\n")
            for playlist in range(playlists):
                text = _pretty(playlist, day)
                path = f"playlists/pretty/{playlist:022d}.json"
                process.stdin.write(f"M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n")


def _pretty(playlist: int, day: int) -> bytes:
    def linked(kind: str, number: int) -> dict[str, str]:
        return {"name": f"{kind} {number}", "url": f"https://open.spotify.com/{kind}/{number:022d}"}

    numbers = range(day, day + TRACKS)  # one leaves and one enters every day
    value = {
        "original_name": f"List {playlist}",
        "unique_name": f"List {playlist}",
        "description": "A list",
        "num_followers": 1000 + day,
        "owner": linked("user", playlist),
        "snapshot_id": f"v{day}",
        "tracks": [
            {
                **linked("track", playlist * 10_000 + number),
                "added_at": "2024-01-01 00:00:00",
                "duration_ms": 200_000 + number,
                "album": linked("album", number % 997),
                "artists": [linked("artist", number % 499)],
            }
            for number in numbers
        ],
    }
    return json.dumps(value, indent=2).encode()
