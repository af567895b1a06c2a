"""The wire: nothing is sent to another host, nothing takes longer or more memory than it may."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotify_assets.spotify.client import RetryRules
from spotify_assets.spotify.errors import SpotifyUnavailableError
from spotify_assets_tests.spotify.conftest import Extract, MakeClient
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, spotify_server

GIGABYTE = 1024**3
MOST_MEMORY = 200 * 1024 * 1024


@pytest.fixture
def elsewhere() -> Iterator[SpotifyServer]:
    """Another host, which would be glad to get a token."""
    with spotify_server() as running:
        yield running


def redirect(elsewhere: SpotifyServer, status: int) -> Answer:
    return Answer(status, b"", {"Location": f"{elsewhere.url}/v1/me?stolen=1"})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_receives_nothing(
    status: int, server: SpotifyServer, elsewhere: SpotifyServer, run: Extract
) -> None:
    ids = server.add(2)
    server.forever[f"{ids[0]}/items"] = redirect(elsewhere, status)
    server.fail(ids[0], redirect(elsewhere, status))
    server.tokens.append(redirect(elsewhere, status))

    report = run(*ids)

    assert [outcome.status for outcome in report.outcomes] == ["failed", "read"]
    assert "a redirect, which is not followed" in report.outcomes[0].detail
    assert (elsewhere.requests, elsewhere.token_requests) == ([], [])


def test_a_token_endpoint_that_redirects_gives_no_token(
    server: SpotifyServer, elsewhere: SpotifyServer, run: Extract
) -> None:
    server.token_always = redirect(elsewhere, 307)

    report = run(*server.add(1))

    assert isinstance(report.stopped_by, SpotifyUnavailableError)
    assert (elsewhere.requests, elsewhere.token_requests) == ([], [])


def test_the_list_of_playlists_is_not_followed_elsewhere(
    server: SpotifyServer, elsewhere: SpotifyServer, run: Extract
) -> None:
    server.add(1)
    server.forever["/me/playlists"] = redirect(elsewhere, 302)

    report = run(mine=True)

    assert report.stopped_by is not None
    assert elsewhere.requests == []


def test_a_body_of_a_byte_now_and_then_ends_with_its_deadline(server: SpotifyServer, make_client: MakeClient) -> None:
    client = make_client(rules=RetryRules(timeout=0.4, tries=1))
    [playlist_id] = server.add(1)
    server.forever["/items"] = Answer(body=b'{"items": []}', drip=0.1)
    started = time.monotonic()

    with pytest.raises(SpotifyUnavailableError, match="no answer in time"):
        client.items(playlist_id, 0)

    assert time.monotonic() - started < 2


def test_a_connection_serves_many_calls(server: SpotifyServer, run: Extract) -> None:
    """Bodies read to their end leave the connection to the next call."""
    ids = server.add(8)

    run(*ids, concurrency=1)

    assert server.connections <= 3


def bomb(size: int) -> bytes:
    """`size` zero bytes as gzip (its checksum aside): one block, over and over."""
    deflater = zlib.compressobj(9, wbits=31)
    piece = bytes(1024 * 1024)
    head, block = (deflater.compress(piece) + deflater.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return head + block * (size // len(piece) - 1) + deflater.flush()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the most memory a process had is unproven here")
def test_a_gigabyte_behind_a_gzip_body_takes_little_memory_and_harms_nobody(
    server: SpotifyServer, tmp_path: Path
) -> None:
    """Its VmHWM is read and not ru_maxrss, which a child begins with from its parent."""
    ids = server.add(3)
    server.forever[f"{ids[0]}/items"] = Answer(body=bomb(GIGABYTE), headers={"Content-Encoding": "gzip"})
    script = f"""
        import datetime as dt, re, pathlib
        from pydantic import SecretStr
        from spotify_assets.spotify.auth import Account
        from spotify_assets.spotify.client import SpotifyClient
        from spotify_assets.spotify.extract import extract
        from spotify_assets.spotify.playlists import PlaylistSelection
        from spotify_assets.storage.object_store import ObjectStore
        from spotify_assets_tests.waiting import QuickClock

        store = ObjectStore.open({tmp_path.joinpath("lake").as_uri()!r})
        client = SpotifyClient(Account(access_token=SecretStr("t")), store, api_url={server.api!r},
            token_url={server.token_url!r}, budget=900, concurrency=12, clock=QuickClock())
        report = extract(client, store, dt.datetime.now(dt.UTC).date(), PlaylistSelection({tuple(ids)!r}), run_id="r")
        print(*[outcome.status for outcome in report.outcomes])
        print(int(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) * 1024)
        """
    started = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=120
    )

    statuses, memory = done.stdout.splitlines()
    assert statuses.split() == ["failed", "read", "read"]
    assert int(memory) < MOST_MEMORY
    assert time.monotonic() - started < 60
