"""Extraction from a local Spotify that takes 150 ms a call: 100 playlists of 3 pages, and the same calls in a row.

The server runs in a process of its own. Then the unchanged next day, which must cost at most one call a playlist.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import SecretStr

from spotify_assets.settings import Settings
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import SpotifyClient
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import SystemClock

PLAYLISTS = 100
ENTRIES = 150
SECONDS_A_CALL = 0.15
BASELINE_PLAYLISTS = 4


class Tomorrow(SystemClock):
    """The machine's clock, a day ahead."""

    def now(self) -> dt.datetime:
        return super().now() + dt.timedelta(days=1)


def main() -> None:
    """Extract, extract the next day, and compare with the same calls one after another."""
    concurrency = int(Settings.model_fields["spotify_concurrency"].default)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    url, ids = ours.recv()
    try:
        with tempfile.TemporaryDirectory() as folder:
            lakes = [ObjectStore.open((Path(folder) / name).as_uri()) for name in ("ours", "baseline")]
            report = _extract(url, lakes[0], ids, concurrency, SystemClock())
            ours.send("most in flight")
            most = ours.recv()
            tomorrow = _extract(url, lakes[0], ids, concurrency, Tomorrow())
            started = time.perf_counter()
            alone = _in_a_row(url, lakes[1], ids[:BASELINE_PLAYLISTS])
            in_a_row = (time.perf_counter() - started) / alone * sum(report.stats.calls.values())
    finally:
        ours.send("stop")
        server.join()
    calls = sum(report.stats.calls.values())
    later = sum(tomorrow.stats.calls.values()) / PLAYLISTS
    what = f"{PLAYLISTS} playlists of {ENTRIES} entries, {calls} calls of {SECONDS_A_CALL * 1000:.0f} ms"
    print(f"  {what:<58} {report.seconds:8.3f} s")
    ratio = f"{in_a_row / report.seconds:.1f} times faster"
    print(f"    against {'the same calls one after another':<48} {in_a_row:8.3f} s   {ratio}")
    print(f"    {'calls in flight at most, by the count of the server':<56} {most} of {concurrency} allowed")
    print(f"  {'the unchanged next day':<58} {tomorrow.seconds:8.3f} s   {later:.2f} calls a playlist")


def _extract(url: str, store: ObjectStore, ids: list[str], concurrency: int, clock: SystemClock) -> ExtractionReport:
    client = SpotifyClient(
        Account(access_token=SecretStr("bench")),
        store,
        api_url=f"{url}/v1",
        token_url=f"{url}/api/token",
        budget=10_000,
        concurrency=concurrency,
        clock=clock,
    )
    report = extract(client, store, clock.now().date(), PlaylistSelection(tuple(ids)), run_id="bench")
    report.raise_if_unfinished()
    return report


def _in_a_row(url: str, store: ObjectStore, ids: list[str]) -> int:
    """The same reading with one call in flight; how many calls it took."""
    return sum(_extract(url, store, ids, 1, SystemClock()).stats.calls.values())


def _serve(pipe: Connection) -> None:
    from spotify_assets_tests.spotify.spotify_server import spotify_server

    with spotify_server() as server:
        ids = server.add(PLAYLISTS, entries=ENTRIES)
        server.delay = SECONDS_A_CALL
        pipe.send((server.url, ids))
        while pipe.recv() != "stop":
            pipe.send(server.most_in_flight)


if __name__ == "__main__":
    main()
