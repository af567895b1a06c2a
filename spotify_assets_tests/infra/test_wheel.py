"""The package from its wheel in an environment of runtime dependencies alone: it loads as each deployment would.

What this proves: the wheel holds every module and data file that loading needs, and no import on the way needs a
package that is not a declared runtime dependency (the development extras and what only they bring are out of reach).
What it does not prove: that an installer resolves and downloads those dependencies. Tests may not use a network, so
they are taken, package by package as declared, from the environment the tests run in.
"""

from __future__ import annotations

import json
import os
import subprocess
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from spotify_assets_tests.infra.template import ROOT

pytestmark = pytest.mark.slow

SPOTIFY = {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "hush-1", "SPOTIFY_PLAYLISTS": "mine"}
SNOWFLAKE = {
    "SNOWFLAKE_ACCOUNT": "myorg-myaccount",
    "SNOWFLAKE_USER": "LOADER",
    "SNOWFLAKE_ROLE": "LOADER",
    "SNOWFLAKE_WAREHOUSE": "LOADING",
    "SNOWFLAKE_PRIVATE_KEY": "hush-2",
}
AWS = {"LAKE_URL": "s3://bucket/lake", "AWS_DEFAULT_REGION": "eu-west-1"}
FULL = {
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod",
    "SPOTIFY_ASSETS_AUTOMATION": "on",
    "LAKE_EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/events",
    "GLUE_DATABASE": "spotify_assets",
    **SPOTIFY, **SNOWFLAKE, **AWS,
}  # fmt: skip
BRANCH = {
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "3f2a9c",
    "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
    "DAGSTER_CLOUD_PULL_REQUEST_ID": "42",
    "SPOTIFY_ASSETS_AUTOMATION": "on",
    **SPOTIFY, **SNOWFLAKE, **AWS,
}  # fmt: skip

HALF_SET = {
    "SPOTIFY_CLIENT_SECRET is not": {key: FULL[key] for key in FULL if key != "SPOTIFY_CLIENT_SECRET"},
    "SNOWFLAKE_WAREHOUSE is not set": {key: FULL[key] for key in FULL if key != "SNOWFLAKE_WAREHOUSE"},
    "LAKE_URL is not on S3": {key: FULL[key] for key in FULL if key != "LAKE_URL"},
    "fictional": {"DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod"},
    "container's own disk": {"DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod"},
    "LAKE_EVENTS_QUEUE_URL is set in a branch": {**BRANCH, "LAKE_EVENTS_QUEUE_URL": "https://sqs/queue"},
    "Power BI is half set up": {**FULL, "POWERBI_TENANT_ID": "t"},
}
"""What loading says when it stops, to the environment it is said of."""

LOAD_EACH = """
import json, os, sys, traceback
import dagster as dg
from spotify_assets.definitions import defs
import spotify_assets

running = dg.DefaultScheduleStatus.RUNNING, dg.DefaultSensorStatus.RUNNING

def load():
    found = defs()
    dg.Definitions.validate_loadable(found)
    repository = found.get_repository_def()
    automations = (*repository.schedule_defs, *repository.sensor_defs)
    return {
        "file": spotify_assets.__file__,
        "assets": sorted(spec.key.to_user_string() for spec in found.resolve_all_asset_specs()),
        "running": [one.name for one in automations if one.default_status in running],
    }

plain = dict(os.environ)
loaded = {}
for name, environment in json.load(sys.stdin).items():
    os.environ.clear()
    os.environ.update(plain | environment)
    try:
        loaded[name] = load()
    except Exception:
        loaded[name] = {"stopped": traceback.format_exc()}
print(json.dumps(loaded))
"""
WHOLE = {"local": {}, "full": FULL, "branch": BRANCH}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that holds the wheel and links to its runtime dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    site = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for name in runtime_closure("spotify-assets"):
        link_distribution(name, site)
    return folder / "venv" / "bin" / "python"


def runtime_closure(root: str) -> set[str]:
    """Every distribution that `root` needs without extras of its own, by canonical name; not `root`."""
    found: set[str] = set()
    waiting = [(root, frozenset[str]())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for line in metadata.distribution(name).requires or ():
            needed = Requirement(line)
            wanted = [{"extra": extra} for extra in ("", *extras)]
            if needed.marker is None or any(needed.marker.evaluate(dict(one)) for one in wanted):
                found.add(canonicalize_name(needed.name))
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return found - {root}


def link_distribution(name: str, site: Path) -> None:
    """Make an installed distribution's top-level files and folders importable from `site`, merging shared folders."""
    for file in metadata.distribution(name).files or ():
        if file.parts[0] == ".." or "__pycache__" in file.parts:
            continue
        target = site.joinpath(*file.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(Path(str(file.locate())))


def run(python: Path, code: str, folder: Path, told: object = None) -> subprocess.CompletedProcess[str]:
    """What `code` prints there with little in its environment; it reads `told`, as JSON."""
    plain = {"HOME": str(folder), "PATH": os.environ["PATH"], "DAGSTER_HOME": str(folder)}
    return subprocess.run(
        [python, "-I", "-c", code],
        cwd=folder, env=plain, input=json.dumps(told), capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_the_environment_has_none_of_the_development_packages(python: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print([n for n in %r if u.find_spec(n)])"
    wanted = ("pytest", "moto", "pyspark", "hatchling", "hypothesis", "cfnlint", "dagster_powerbi", "dagster_webserver")
    done = run(python, code % (wanted,), tmp_path)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def loaded(python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What loading with each environment gives, or the traceback it stops with; one process stands in for as many."""
    done = run(python, LOAD_EACH, tmp_path_factory.mktemp("loaded"), told={**WHOLE, **HALF_SET})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", WHOLE)
def test_it_loads_from_the_environment(python: Path, loaded: dict[str, dict[str, Any]], name: str) -> None:
    assert "stopped" not in loaded[name], loaded[name]
    assert Path(loaded[name]["file"]).is_relative_to(python.parent.parent)


def test_it_loads_locally_with_nothing_set(loaded: dict[str, dict[str, Any]]) -> None:
    assert "lake/songs" in loaded["local"]["assets"]
    assert not [key for key in loaded["local"]["assets"] if key.startswith(("glue_catalog", "powerbi"))]
    assert loaded["local"]["running"] == []


def test_it_loads_as_the_full_deployment_with_automation_on(loaded: dict[str, dict[str, Any]]) -> None:
    assert "glue_catalog/songs" in loaded["full"]["assets"]
    assert loaded["full"]["running"]


def test_it_loads_as_a_branch_deployment_with_everything_switched_off(loaded: dict[str, dict[str, Any]]) -> None:
    assert loaded["branch"]["running"] == []


@pytest.mark.parametrize("said", HALF_SET)
def test_a_half_set_deployment_stops_with_the_sentence_and_no_secret(
    loaded: dict[str, dict[str, Any]], said: str
) -> None:
    assert said in loaded[said]["stopped"]
    assert "hush" not in loaded[said]["stopped"]


def test_the_command_line_works_from_the_wheel(python: Path, tmp_path: Path) -> None:
    done = run(python, "from spotify_assets.cli import main; main(['--help'])", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "spotify" in done.stdout.lower()


def test_what_is_no_python_is_in_the_wheel(python: Path, tmp_path: Path) -> None:
    """Snowflake's set-up files, and the local Spark's log settings."""
    code = (
        "from importlib.resources import files; from spotify_assets.engines import spark_engine; "
        "from spotify_assets.warehouse import setup; "
        "print((files('spotify_assets.engines') / spark_engine.LOG_SETTINGS).read_text().count('rootLogger.level')); "
        "print(*sorted(path.name for path in setup.FOLDER.glob('*.sql')), sep='\\n')"
    )
    done = run(python, code, tmp_path)
    assert done.returncode == 0, done.stderr
    levels, *names = done.stdout.splitlines()
    assert levels == "1"
    assert names == sorted(path.name for path in (ROOT / "infra" / "snowflake").glob("*.sql"))
