"""The Lambda's zip: only what it needs, fit for Lambda's machine, and at work where nothing else is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.lake import state
from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import SpotifyClient
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.infra.template import ROOT
from spotify_assets_tests.lakes import day_sources, rows
from spotify_assets_tests.moto_aws import REGION
from spotify_assets_tests.spotify.spotify_server import ACCESS_TOKEN, SpotifyServer, error, spotify_server

SECRET = {"SPOTIFY_CLIENT_ID": "client-id-1", "SPOTIFY_CLIENT_SECRET": "client-secret-9b2e"}
LIMIT = 20 * 2**20

RUN = """
import importlib, json, sys
handler = importlib.import_module("spotify_assets.lambda_handler")
importlib.import_module("spotify_assets.spotify.extract").PATIENCE = ()  # else a refusal is asked again a minute later
context = type("Context", (), {"aws_request_id": sys.argv[1]})
print(json.dumps(handler.handle(json.loads(sys.argv[2]), context)))
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


REFUSED = """
import importlib, json, os, sys, traceback
handler = importlib.import_module("spotify_assets.lambda_handler")
for os.environ["SPOTIFY_SECRET_ID"] in json.loads(sys.argv[2]):
    try:
        handler.handle({}, type("Context", (), {"aws_request_id": sys.argv[1]}))
    except Exception:
        print(json.dumps(traceback.format_exc()))
"""
"""What each invocation fails with, one process for as many secrets."""

SECRETS = [
    (None, "can't find the specified secret"),
    ("client-secret-9b2e", "is not a JSON object"),
    ("[1]", "is not a JSON object"),
    ("{}", "has no SPOTIFY_CLIENT_ID"),
    (json.dumps({"SPOTIFY_CLIENT_ID": "a"}), "SPOTIFY_CLIENT_SECRET is not"),
]
"""What is stored, and what is said of it."""


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_lambda", ROOT / "infra" / "build_lambda.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, from the packages installed here: the tests may not download Lambda's."""
    out = tmp_path_factory.mktemp("build") / "lambda.zip"
    assert builder.main(["--installed", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def server() -> Iterator[SpotifyServer]:
    with spotify_server() as running:
        yield running


class TestContents:
    """What is in the zip."""

    def test_it_is_small_and_has_neither_dagster_nor_an_engine_nor_a_warehouse(self, built: Path) -> None:
        with zipfile.ZipFile(built) as archive:
            packages = {name.split("/")[0] for name in archive.namelist()}
        assert not packages & {"dagster", "duckdb", "pandas", "pyarrow", "snowflake", "pyspark", "fakesnow", "plotly"}
        assert built.stat().st_size < LIMIT

    def test_the_sandbox_and_the_login_stay_out(self, builder: ModuleType) -> None:
        own = builder.own_files()
        assert {"spotify_assets/lambda_handler.py", "spotify_assets/spotify/extract.py"} <= own.keys()
        assert not [place for place in own if "sandbox" in place or "login" in place or "definitions" in place]

    def test_botocore_knows_only_the_services_used(self, built: Path) -> None:
        with zipfile.ZipFile(built) as archive:
            services = {match[1] for name in archive.namelist() if (match := re.match(r"botocore/data/(\w+)/", name))}
        assert services == {"s3", "secretsmanager", "sts"}

    def test_the_same_sources_give_the_same_bytes(self, builder: ModuleType, built: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(built) as archive:
            own = [name for name in archive.namelist() if name.startswith(("spotify_assets/", "glue_scripts/"))]
            archive.extractall(tmp_path / "files", own)
        assert own
        for name, files in {
            "one": {place: path for place, path in builder.own_files().items() if place in own},
            "again": {place: tmp_path / "files" / place for place in reversed(own)},
        }.items():
            builder.write_zip(tmp_path / name, files)
        assert (tmp_path / "again").read_bytes() == (tmp_path / "one").read_bytes()

    def test_the_entry_is_where_the_template_says(self, unpacked: Path) -> None:
        template = (ROOT / "infra" / "aws.yaml").read_text()
        module, _, function = re.search(r"Handler: (\S+)", template)[1].rpartition(".")  # pyright: ignore[reportOptionalSubscript]
        source = (unpacked / Path(*module.split("."))).with_suffix(".py").read_text()
        assert f"def {function}(" in source


class TestWheels:
    """The wheels that `make lambda` fetches."""

    def test_every_package_is_pinned_with_hashes_by_the_projects_lock(self, builder: ModuleType) -> None:
        names = builder.closure(builder.needs(builder.HANDLER))
        text = builder.locked(names, (ROOT / "requirements.lock").read_text())
        assert len(re.findall(r"^[a-z].*==", text, re.MULTILINE)) == len(names)
        assert text.count("--hash=sha256:") >= len(names)
        assert "dagster" not in text

    def test_a_package_that_the_lock_does_not_pin_is_named(self, builder: ModuleType) -> None:
        with pytest.raises(ValueError, match="does not pin no-such-package"):
            builder.locked(["no-such-package"], "a==1 \\\n    --hash=sha256:aa\n")

    def test_they_are_asked_for_by_lambdas_machine_and_no_newer_glibc(self, builder: ModuleType) -> None:
        command = builder.pip_command(Path("/target"), Path("/requirements.txt"))
        platforms = [command[number + 1] for number, part in enumerate(command) if part == "--platform"]
        assert {"manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_34_x86_64"} <= set(platforms)
        assert not {"manylinux_2_35_x86_64", "manylinux_2_39_x86_64"} & set(platforms)
        assert "--require-hashes" in command
        assert "--only-binary=:all:" in command

    def test_the_runtime_of_the_template_is_the_one_they_are_for(self, builder: ModuleType) -> None:
        template = (ROOT / "infra" / "aws.yaml").read_text()
        assert f"Runtime: python{'.'.join(map(str, builder.PYTHON))}\n" in template
        assert "Architectures: [x86_64]" in template


class TestInACleanInterpreter:
    """The zip alone on the path (-I -S: no site-packages), against moto and a local Spotify."""

    def invoke(
        self,
        unpacked: Path,
        lake: LakeResource,
        server: SpotifyServer,
        *,
        event: object = None,
        run: str = RUN,
        secret: str | None = json.dumps(SECRET),
        request: str = "11111111-2222-3333-4444-555555555555",
        **extra: str,
    ) -> subprocess.CompletedProcess[str]:
        endpoint = str(lake.endpoint_url)
        name = f"spotify-{lake.url.split('/')[2]}"
        manager = boto3.client("secretsmanager", REGION, endpoint_url=endpoint)
        if secret is not None and name not in {one["Name"] for one in manager.list_secrets()["SecretList"]}:
            manager.create_secret(Name=name, SecretString=secret)
        environment = {
            **{key: value for key, value in os.environ.items() if key.startswith("AWS_")},
            "AWS_ENDPOINT_URL": endpoint, "LAKE_URL": lake.url, "SPOTIFY_SECRET_ID": name,
            "SPOTIFY_PLAYLISTS": ",".join(server.playlists), "SPOTIFY_API_URL": server.api,
            "SPOTIFY_TOKEN_URL": server.token_url, **extra,
        }  # fmt: skip
        code = f"import sys; sys.path.insert(0, {str(unpacked)!r})\n{run}"
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, request, json.dumps(event or {})],
            capture_output=True, text=True, env=environment, timeout=60, check=False,
        )  # fmt: skip

    def test_its_snapshots_build_into_the_same_tables_and_a_second_invocation_writes_nothing_new(
        self, unpacked, s3_lake, server, store
    ) -> None:
        server.add(2, entries=120)
        done = self.invoke(unpacked, s3_lake, server)
        assert done.returncode == 0, done.stderr
        answer, modules = map(json.loads, done.stdout.splitlines())
        assert "dagster" not in modules
        assert (len(answer["snapshots"]), answer["entries"], answer["unreadable"]) == (2, 240, {})
        (day,) = state.raw_days(s3_lake.store)
        assert day.isoformat() == answer["snapshot_date"]
        extract_here(server, store, day)
        assert tables_of(s3_lake.store, day) == tables_of(store, day)

        pages = len(server.items_requests())
        again = json.loads(self.invoke(unpacked, s3_lake, server, request="other").stdout.splitlines()[0])
        assert again["snapshots"] == answer["snapshots"]
        assert len(server.items_requests()) == pages

    def test_one_unreadable_playlist_is_reported_and_the_other_is_kept(self, unpacked, s3_lake, server) -> None:
        server.add(1)
        done = self.invoke(
            unpacked, s3_lake, server, SPOTIFY_PLAYLISTS=f"{next(iter(server.playlists))},37i9dQZF1DXcBWIGoYBM5M"
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout.splitlines()[0])
        assert list(answer["unreadable"]) == ["37i9dQZF1DXcBWIGoYBM5M"]
        assert len(answer["snapshots"]) == 1

    def test_a_refused_account_is_a_failed_invocation_without_a_secret_in_its_words(
        self, unpacked, s3_lake, server
    ) -> None:
        server.add(1)
        server.token_always = error(400, "invalid_client")
        done = self.invoke(unpacked, s3_lake, server)
        assert done.returncode != 0
        for secret in (SECRET["SPOTIFY_CLIENT_SECRET"], ACCESS_TOKEN):
            assert secret not in done.stdout + done.stderr
        assert state.raw_days(s3_lake.store) == []

    def test_no_readable_playlist_at_all_is_a_failed_invocation(self, unpacked, s3_lake, server) -> None:
        done = self.invoke(unpacked, s3_lake, server, SPOTIFY_PLAYLISTS="37i9dQZF1DXcBWIGoYBM5M")
        assert done.returncode != 0
        assert "Not one of 1 tracked playlists could be read" in done.stderr

    def test_a_secret_that_is_missing_or_wrong_says_what_to_put_into_it(self, unpacked, s3_lake, server) -> None:
        server.add(1)
        manager = boto3.client("secretsmanager", REGION, endpoint_url=s3_lake.endpoint_url)
        bucket = s3_lake.url.split("/")[2]
        names = [f"wrong-{number}-{bucket}" for number in range(len(SECRETS))]
        for name, (secret, _) in zip(names, SECRETS, strict=True):
            if secret is not None:
                manager.create_secret(Name=name, SecretString=secret)

        done = self.invoke(unpacked, s3_lake, server, secret=None, event=names, run=REFUSED)

        failures = [json.loads(line) for line in done.stdout.splitlines()]
        for failure, (_, said) in zip(failures, SECRETS, strict=True):
            assert said in failure
        assert "client-secret-9b2e" not in done.stdout + done.stderr


def extract_here(server: SpotifyServer, store: ObjectStore, day: Any) -> None:
    """The same playlists, taken by the library in this process."""
    account = Account(SECRET["SPOTIFY_CLIENT_ID"], SecretStr(SECRET["SPOTIFY_CLIENT_SECRET"]))
    client = SpotifyClient(account, store, api_url=server.api, token_url=server.token_url, budget=None, concurrency=2)
    extract(client, store, day, PlaylistSelection(tuple(server.playlists)), run_id="here").raise_if_unfinished()


def tables_of(store: ObjectStore, day: Any) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the day's tables, built from the store's raw objects, without when they were read."""
    built = build_day(store, "run", day_sources(store, day))
    found = {}
    for table in LAKE_TABLES:
        columns = [name for name in LAKE_TABLES[table].column_names if name not in ("snapshot_date", "run_id")]
        kept = [number for number, name in enumerate(columns) if name != "extracted_at"]
        found[table] = [tuple(row[number] for number in kept) for row in rows(store, built, table)]
    return found
