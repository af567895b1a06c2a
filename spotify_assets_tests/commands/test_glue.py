"""`spotify-assets glue`: what is shipped, what it says changed, and a run by hand without Dagster."""

from __future__ import annotations

import hashlib
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.commands.glue_command import deploy_job
from spotify_assets.engines import glue_script, glue_wheels
from spotify_assets.engines.glue_engine import glue_engine
from spotify_assets.failures import PermanentError
from spotify_assets.lake import state
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import load_settings
from spotify_assets.storage.aws import client
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.glue_harness import BRIEF_JVM
from spotify_assets_tests.lakes import put_raw, rows
from spotify_assets_tests.reference_tables import Raw, expected
from spotify_assets_tests.scripted_aws import ScriptedClient

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROLE = "arn:aws:iam::123456789012:role/glue"
NEW = {
    "Role": ROLE,
    "GlueVersion": "5.0",
    "WorkerType": "G.1X",
    "NumberOfWorkers": 2,
    "Timeout": 120,
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
}


def glue(**job: object) -> ScriptedClient:
    get_job = [{"Job": job}] if job else ["EntityNotFoundException"]
    return ScriptedClient("glue", get_job=get_job, create_job=[{"Name": "j"}], update_job=[{"JobName": "j"}])


@pytest.fixture(autouse=True)
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip would download."""

    def fetch(folder: Path) -> list[Path]:
        paths = [folder / "dagster_pipes-1-py3-none-any.whl", folder / "duckdb-2-cp311-cp311-manylinux_2_28_x86_64.whl"]
        for path in paths:
            path.write_bytes(path.name.encode())
        return paths

    monkeypatch.setattr(glue_wheels, "fetch", fetch)


def test_shipping_twice_writes_once(store: ObjectStore) -> None:
    first, second = glue_script.ship(store), glue_script.ship(store)

    assert (len(first), second) == (2, [])
    assert glue_script.is_shipped(store)


def test_the_package_holds_every_module_the_script_imports_and_nothing_of_dagster(store: ObjectStore) -> None:
    with zipfile.ZipFile(BytesIO(glue_script.script_files()[glue_script.ARCHIVE])) as archive:
        names = set(archive.namelist())
        texts = {name: archive.read(name).decode() for name in names}

    assert {"glue_scripts/__init__.py", "glue_scripts/tables.py", "glue_scripts/spark_tables.py"} <= names
    for text in texts.values():
        imports = re.findall(r"^\s*from glue_scripts\.(\w+) import|^from glue_scripts import (\w+)", text, re.MULTILINE)
        for module in imports:
            assert f"glue_scripts/{module[0] or module[1]}.py" in names
        assert "spotify_assets." not in re.sub(r'"""[\s\S]*?"""', "", text)


def test_a_new_job_needs_a_role(store: ObjectStore) -> None:
    with pytest.raises(PermanentError, match="--role"):
        deploy_job(glue(), "j", store, {**NEW, "Role": None}, {})


def test_a_job_is_created_with_the_script_of_this_code(store: ObjectStore) -> None:
    client = glue()

    assert deploy_job(client, "j", store, NEW, {}) == ["job j created"]

    (job,) = client.requests("create_job")
    assert glue_script.script_version() in job["Command"]["ScriptLocation"]
    modules = job["DefaultArguments"]["--additional-python-modules"].split(",")
    keys = [module.removeprefix(store.url()) for module in modules]
    assert [key.rsplit("/", 1)[1].partition("-")[0] for key in keys] == ["dagster_pipes", "duckdb"]
    for key in keys:  # each under the hash of its content
        assert key.split("/")[2] == hashlib.sha256(store.get(key)).hexdigest()


def test_a_package_index_is_named_by_pins(store: ObjectStore) -> None:
    client = glue()

    deploy_job(client, "j", store, NEW, {}, modules="index")

    (job,) = client.requests("create_job")
    modules = job["DefaultArguments"]["--additional-python-modules"].split(",")
    assert modules == [f"{name}=={version(name)}" for name in ("dagster-pipes", "duckdb")]


def test_what_somebody_set_on_the_job_is_kept_until_it_is_asked_for(store: ObjectStore) -> None:
    own = {"--additional-python-modules": "s3://theirs/duckdb.whl,s3://theirs/pipes.whl,s3://theirs/more.whl"}
    kept, asked = glue(Name="j", DefaultArguments=own), glue(Name="j", DefaultArguments=own)

    said = deploy_job(kept, "j", store, NEW, {})
    deploy_job(asked, "j", store, NEW, {}, modules="wheels")

    (update,) = kept.requests("update_job")
    assert update["JobUpdate"]["DefaultArguments"].items() >= own.items()
    assert any("must provide dagster-pipes==" in line for line in said)
    (update,) = asked.requests("update_job")
    assert "glue/wheels/" in update["JobUpdate"]["DefaultArguments"]["--additional-python-modules"]


def test_a_run_says_nothing_of_what_is_installed(store: ObjectStore) -> None:
    assert set(glue_script.script_arguments(store)) == {"--scriptLocation", "--extra-py-files"}


def test_wheels_that_cannot_be_fetched_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    gone = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found")
    monkeypatch.setattr(glue_wheels.subprocess, "run", lambda *_, **__: gone)

    with pytest.raises(PermanentError, match=r"No matching distribution found; .*--modules index"):
        glue_wheels.fetch(tmp_path)


def test_deploying_the_same_again_changes_nothing(store: ObjectStore) -> None:
    first = glue()
    deploy_job(first, "j", store, NEW, {})
    again = glue(**first.requests("create_job")[0], AllocatedCapacity=2, MaxCapacity=2.0)

    assert deploy_job(again, "j", store, NEW, {}) == ["job j is up to date"]
    assert again.requests("update_job") == []


def test_an_update_names_what_changed_and_keeps_what_was_not_given(store: ObjectStore) -> None:
    client = glue(
        Name="j",
        Role="arn:aws:iam::123456789012:role/own",
        WorkerType="G.2X",
        NumberOfWorkers=9,
        Command={"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://b/old.py"},
        DefaultArguments={"--own": "1", "--custom-logGroup-prefix": "/own"},
    )

    said = deploy_job(client, "j", store, NEW, {"NumberOfWorkers": 4})

    (update,) = [request["JobUpdate"] for request in client.requests("update_job")]
    assert (update["Role"], update["WorkerType"], update["NumberOfWorkers"]) == (
        "arn:aws:iam::123456789012:role/own",
        "G.2X",
        4,
    )
    assert update["DefaultArguments"]["--own"] == "1"
    assert update["DefaultArguments"]["--custom-logGroup-prefix"] == "/own"
    assert "job j: NumberOfWorkers 9 -> 4" in said
    assert any("ScriptLocation s3://b/old.py -> " in line for line in said)


def test_a_lake_that_is_not_on_s3_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path))
    monkeypatch.delenv("LAKE_URL", raising=False)

    result = CliRunner().invoke(main, ["glue", "deploy"])

    assert result.exit_code == 1
    assert "LAKE_URL is not on S3" in result.output


def test_deploy_says_what_it_did(aws: str, s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_URL", s3_lake.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("GLUE_JOB_NAME", "deploy-says")

    result = CliRunner().invoke(main, ["glue", "deploy", "--role", ROLE])

    assert result.exit_code == 0, result.output
    assert result.output == f"script version {glue_script.script_version()} uploaded\njob deploy-says created\n"
    assert glue_script.is_shipped(s3_lake.store)


def test_the_settings_of_runs_are_the_jobs(aws: str, s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LAKE_URL": s3_lake.url,
        "AWS_ENDPOINT_URL": aws,
        "GLUE_JOB_NAME": "by-settings",
        "GLUE_WORKERS": "3",
        "GLUE_WORKER_TYPE": "G.2X",
        "GLUE_TIMEOUT_MINUTES": "45",
        "TRANSFORM_ENGINE": "glue",
        "GLUE_USD_PER_DPU_HOUR": "0.29",
    }.items():
        monkeypatch.setenv(name, value)

    result = CliRunner().invoke(main, ["glue", "deploy", "--role", ROLE])

    assert result.exit_code == 0, result.output
    job = client("glue", aws).get_job(JobName="by-settings")["Job"]
    assert (job["WorkerType"], job["NumberOfWorkers"], job["Timeout"]) == ("G.2X", 3, 45)
    run = glue_engine(load_settings()).job
    assert (run.worker_type, run.workers, run.timeout_minutes, run.usd_per_dpu_hour) == ("G.2X", 3, 45, 0.29)


def test_deploying_again_changes_only_what_is_set(
    aws: str, s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API is scripted: moto has no UpdateJob."""
    current = {**NEW, "WorkerType": "G.4X", "Timeout": 33}
    scripted = glue(**current, Name="kept")
    monkeypatch.setattr("spotify_assets.commands.glue_command.client", lambda *_: scripted)
    for name, value in {
        "LAKE_URL": s3_lake.url,
        "AWS_ENDPOINT_URL": aws,
        "GLUE_JOB_NAME": "kept",
        "GLUE_WORKERS": "5",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("GLUE_WORKER_TYPE", "GLUE_TIMEOUT_MINUTES"):
        monkeypatch.delenv(name, raising=False)

    result = CliRunner().invoke(main, ["glue", "deploy"])

    assert result.exit_code == 0, result.output
    (update,) = scripted.requests("update_job")
    assert {field: update["JobUpdate"][field] for field in NEW} == {**current, "NumberOfWorkers": 5}
    assert "NumberOfWorkers" in result.output


def put_and_ask(store: ObjectStore, home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Raw, str]:
    """A snapshot, and the command that is printed for it."""
    raw = Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A")), e.entry(e.track("B"))])])
    put_raw(store, raw)
    monkeypatch.setenv("LAKE_URL", store.url().rstrip("/"))
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(home))
    result = CliRunner().invoke(main, ["glue", "manifest", "--from", str(raw.day)])
    return raw, result.output.splitlines()[1]


def assert_built_and_committed(store: ObjectStore, raw: Raw) -> None:
    commit = state.read_commits(store, [raw.day])[raw.day]
    assert set(rows(store, commit, "songs")) == expected([raw]).tables["songs"]
    assert not state.is_stale(state.read_current_sources(store, [raw.day])[raw.day], commit)


@pytest.mark.spark
def test_a_run_by_hand_builds_and_commits_without_dagster(
    spark: SparkSession, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The script with the arguments that are printed, from anywhere; the soak runs the whole command in a Java of its
    own, as the test of the Glue engine runs the script there is for Dagster."""
    raw, command = put_and_ask(store, tmp_path, monkeypatch)
    words = shlex.split(command)
    before = words.index("--py-files")
    env, *environment, submit = words[:before]
    package, script, *arguments = words[before + 1 :]
    assert (env, Path(submit).name, arguments[0]) == ("env", "spark-submit", "--lake")
    variables = dict(one.split("=", 1) for one in environment)
    assert Path(variables["JAVA_HOME"], "bin", "java").is_file()
    assert Path(variables["PYSPARK_PYTHON"]).samefile(sys.executable)
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in (submit, package, script))

    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    runpy.run_path(script, run_name="__main__")

    assert_built_and_committed(store, raw)


@pytest.mark.spark
@pytest.mark.soak
def test_the_command_of_a_run_by_hand_runs_as_printed(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    raw, command = put_and_ask(store, tmp_path, monkeypatch)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--conf spark.ui.enabled=false pyspark-shell")
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", BRIEF_JVM)

    finished = subprocess.run(  # from anywhere
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert finished.returncode == 0, finished.stderr
    assert_built_and_committed(store, raw)


def test_the_script_is_written_to_a_folder_for_whoever_has_credentials_to_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request's code runs without any: the workflow uploads what it wrote."""
    environment = {
        "LAKE_URL": "s3://bucket/lake",
        "AWS_REGION": "eu-west-1",
        "EPHEMERAL_STORAGE": "allow",
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "7",
    }
    monkeypatch.setattr("os.environ", {**environment, "HOME": str(tmp_path)})
    told = CliRunner().invoke(main, ["glue", "deploy", "--to", str(tmp_path / "glue")])
    assert told.exit_code == 0, told.output
    written = {path.relative_to(tmp_path / "glue").as_posix() for path in (tmp_path / "glue").rglob("*.py")}
    assert written
    assert all(name.startswith("branch/7/") for name in written)
