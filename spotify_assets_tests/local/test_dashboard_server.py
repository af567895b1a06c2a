"""The dashboard opens in a browser from the UI's link; a port that is taken is said in a sentence."""

from __future__ import annotations

import shlex
import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import pytest
from click.testing import CliRunner

from spotify_assets.assets.dashboard import DASHBOARD_REPORT, page_link
from spotify_assets.cli import main
from spotify_assets.local.dashboard_server import port_of, served
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def get(url: str, **headers: str) -> tuple[int, bytes]:
    assert url.startswith("http://127.0.0.1:")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def test_the_link_of_a_lake_in_a_folder_opens_the_page_as_it_is_now(store: ObjectStore) -> None:
    """A link to the file did nothing: a browser does not follow one from a page of http."""
    with served(store, 0) as port:
        link = page_link(store.url(DASHBOARD_REPORT), f"http://127.0.0.1:{port}")
        code, said = get(link)
        assert (code, b"spotify-assets build" in said) == (404, True)
        store.put(DASHBOARD_REPORT, b"<!doctype html>one")
        assert get(link) == (200, b"<!doctype html>one")
        store.put(DASHBOARD_REPORT, b"<!doctype html>two")
        assert get(link) == (200, b"<!doctype html>two")


def test_it_serves_one_page_to_this_machine_alone(store: ObjectStore) -> None:
    store.put("secrets.html", b"mine")
    with served(store, 0) as port:
        assert get(f"http://127.0.0.1:{port}/secrets.html")[0] == 404
        assert get(f"http://127.0.0.1:{port}/..%2fsecrets.html")[0] == 404
        assert get(f"http://127.0.0.1:{port}/", Host="rebound.example")[0] == 403


def test_where_the_link_points() -> None:
    assert load_settings({}).dashboard_address == "http://127.0.0.1:3001"
    assert load_settings({"LAKE_URL": "s3://b/l"}).dashboard_address is None
    shared = load_settings({"LAKE_URL": "s3://b/l", "DASHBOARD_URL": "https://charts.example/spotify/"})
    assert page_link("s3://b/l/reports/dashboard.html", shared.dashboard_address) == (
        "https://charts.example/spotify/dashboard.html"
    )
    assert [port_of(one) for one in (None, "https://charts.example", "http://127.0.0.1:3001")] == [None, None, 3001]


@pytest.mark.parametrize(
    ("arguments", "environment", "remedy"),
    [
        (["dev", "--port", "{port}"], {}, "make dev PORT=3010"),
        (["dev", "--port", "{free}"], {"DASHBOARD_URL": "http://127.0.0.1:{port}"}, "set DASHBOARD_URL to"),
        (["dashboard", "--serve"], {"DASHBOARD_URL": "http://127.0.0.1:{port}"}, "set DASHBOARD_URL to"),
    ],
)
def test_a_port_in_use_is_one_sentence_with_a_remedy(
    arguments: list[str], environment: dict[str, str], remedy: str, taken: int, tmp_path: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        free = server.getsockname()[1]
    known = {"port": taken, "free": free}
    told = CliRunner().invoke(
        main,
        [each.format(**known) for each in arguments],
        env={"SPOTIFY_ASSETS_HOME": str(tmp_path), **{k: v.format(**known) for k, v in environment.items()}},
    )
    assert told.exit_code == 1
    assert f"Port {taken} of 127.0.0.1 can't be had: Address already in use" in told.output
    assert remedy in told.output


def test_dev_serves_the_dashboard_and_starts_dg_in_the_homes_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `dg dev` replaced by a program that says how it was called, and asks for the page."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_server(("127.0.0.1", 0))) as other,
    ):
        beside, port = server.getsockname()[1], other.getsockname()[1]
    script, fake = tmp_path / "dg.py", tmp_path / "python"
    script.write_text(
        "import os, sys, urllib.error, urllib.request\n"
        f"try: urllib.request.urlopen('http://127.0.0.1:{beside}/dashboard.html')\n"
        "except urllib.error.HTTPError as error: said = error.read().decode()\n"
        f"open({str(tmp_path / 'said')!r}, 'w').write('\\n'.join([*sys.argv[1:], os.environ['DAGSTER_HOME'], said]))\n"
        "sys.exit(7)\n"
    )
    fake.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setattr("spotify_assets.commands.dev_command.sys.executable", str(fake))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    home = {"SPOTIFY_ASSETS_HOME": str(tmp_path / "home"), "DASHBOARD_URL": f"http://127.0.0.1:{beside}"}
    told = CliRunner().invoke(main, ["dev", "--port", str(port)], env=home)

    assert told.exit_code == 7, told.output
    *called, dagster_home, page, _ = (tmp_path / "said").read_text().split("\n")
    assert called == ["-m", "dagster_dg_cli.cli", "dev", "--use-active-venv", "-h", "127.0.0.1", "-p", str(port)]
    assert dagster_home == str(tmp_path / "home" / "dagster_home")
    assert "There is no dashboard yet" in page
