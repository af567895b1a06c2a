"""`spotify-assets glue`: ship the Glue script and its job, and write a manifest for a run by hand.

What a version is belongs in `spotify_assets.engines.glue_script`, what a run does in `resources/glue.py`.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import secrets
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import click

from glue_scripts.spans import days_between, iso_date
from spotify_assets.commands.terminal import say, write
from spotify_assets.engines.engine import DaySources
from spotify_assets.engines.glue_script import (
    ARCHIVE,
    SCRIPT,
    additional_modules,
    script_arguments,
    script_files,
    script_version,
    ship,
)
from spotify_assets.engines.glue_wheels import is_ours, ship_wheels
from spotify_assets.engines.spark_runs import make_manifest
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, state
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.aws import AwsNotFound, aws_failures, client
from spotify_assets.storage.object_store import ObjectStore, open_lake

Modules: TypeAlias = Literal["wheels", "index", "keep"]


@click.group("glue")
def command() -> None:
    """Ship the Glue script and its job; write manifests for runs by hand."""


@command.command("deploy")
@click.option("--role", metavar="ARN", help="Role of the job: output GlueRoleArn of infra/aws.yaml.")
@click.option("--glue-version", default="5.0", show_default=True, type=click.Choice(["5.0", "5.1"]))
@click.option("--max-concurrent-runs", default=3, show_default=True, type=click.IntRange(1))
@click.option(
    "--modules",
    type=click.Choice(["wheels", "index", "keep"]),
    help="Where Glue gets dagster-pipes and duckdb from: wheels beside the script (works without internet), the "
    "package index, or what the job has. Unless given: wheels, but what you set on the job yourself is kept.",
)
@click.option("--script-only", is_flag=True, help="Upload the script; leave the job alone.")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write the script's files below FOLDER instead, named as in the lake, to be uploaded by somebody else.",
)
@click.pass_context
def deploy(
    context: click.Context,
    role: str | None,
    glue_version: str,
    max_concurrent_runs: int,
    modules: Modules | None,
    script_only: bool,
    folder: Path | None,
) -> None:
    """Upload this code's script next to the lake and make the job run it; safe to repeat at any time.

    Workers and timeout are those of GLUE_WORKER_TYPE, GLUE_WORKERS and GLUE_TIMEOUT_MINUTES, which runs go by too. An
    existing job keeps what is given neither here nor there: its role, its limits and every argument of its own.
    """
    settings = load_settings()
    if folder is not None:
        branch = f"branch/{settings.branch}" if settings.branch else ""
        ship(ObjectStore.open((folder.absolute() / branch).as_uri()))
        say(f"script version {script_version()} written below {folder}")
        return
    store = _store_on_s3(settings)
    written = ship(store)
    say(f"script version {script_version()} {'uploaded' if written else 'is already there'}")
    if script_only:
        return
    asked = {
        "GlueVersion": glue_version,
        "ExecutionProperty": {"MaxConcurrentRuns": max_concurrent_runs},
        "WorkerType": settings.glue_worker_type or "G.1X",
        "NumberOfWorkers": settings.glue_workers or 2,
        "Timeout": settings.glue_timeout_minutes,
    }
    given = {
        field: asked[field]
        for name, field in (("glue_version", "GlueVersion"), ("max_concurrent_runs", "ExecutionProperty"))
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    } | {
        field: asked[field]
        for name, field in (
            ("glue_worker_type", "WorkerType"),
            ("glue_workers", "NumberOfWorkers"),
            ("glue_timeout_minutes", "Timeout"),
        )
        if name in settings.model_fields_set
    }
    if role:
        given["Role"] = role
    glue = client("glue", settings.aws_endpoint_url)
    for line in deploy_job(glue, settings.glue_job_name, store, {**asked, "Role": role}, given, modules):
        say(line)


def deploy_job(
    glue: Any,
    name: str,
    store: ObjectStore,
    new: Mapping[str, object],
    given: Mapping[str, object],
    modules: Modules | None = None,
) -> list[str]:
    """Create the job from `new`, or update it to this script and what was `given`; what changed, as lines.

    `modules` says where Glue gets from what the script needs installed; None leaves alone what somebody else set.

    Raises PermanentError when the job is new and `new` has no Role.
    """
    current = _job(glue, name)
    if current is None:
        if not new.get("Role"):
            raise PermanentError(
                f"There is no Glue job {name} yet: give its role with --role (output GlueRoleArn of infra/aws.yaml)."
            )
        with aws_failures(f"Creating Glue job {name}"):
            glue.create_job(Name=name, **_with_script({**_BASE, **new}, name, store, _modules(store, modules, None)))
        return [f"job {name} created"]
    kept = {field: value for field, value in current.items() if field not in _NOT_UPDATABLE}
    if "WorkerType" in kept:
        for field in _INSTEAD_OF_WORKERS:
            kept.pop(field, None)
    own = kept.get("DefaultArguments", {}).get(_MODULES)
    wanted = _with_script({**kept, **given}, name, store, _modules(store, modules, own))
    changes = [f"job {name}: {what}" for what in _changes(kept, wanted)]
    if changes:
        with aws_failures(f"Updating Glue job {name}"):
            glue.update_job(JobName=name, JobUpdate=wanted)
    if own and modules is None and not is_ours(own):
        changes.append(f"job {name} keeps its own {_MODULES}, which must provide {additional_modules()}")
    return changes or [f"job {name} is up to date"]


_MODULES = "--additional-python-modules"
_BASE: dict[str, object] = {
    "Description": "Builds the seven lake tables from raw snapshots; started by Dagster, scripts by content hash",
    "MaxRetries": 0,  # Dagster retries, and knows which failures are worth it
}
_NOT_UPDATABLE = {"Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "ProfileName"}
_INSTEAD_OF_WORKERS = ("MaxCapacity",)  # Glue answers with it, and refuses it beside WorkerType


def _modules(store: ObjectStore, modules: Modules | None, own: str | None) -> dict[str, str]:
    """The argument that says what Glue installs, where it is to be set. `own` is the job's."""
    if modules == "keep" or (modules is None and own and not is_ours(own)):
        return {}
    return {_MODULES: additional_modules() if modules == "index" else ship_wheels(store)}


def _with_script(
    job: Mapping[str, object], name: str, store: ObjectStore, modules: Mapping[str, str]
) -> dict[str, object]:
    """`job` as it runs this code's script: command and arguments, its own other arguments kept."""
    arguments = script_arguments(store)
    own = job.get("DefaultArguments")
    return {
        **job,
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": arguments.pop("--scriptLocation")},
        "DefaultArguments": {
            "--custom-logGroup-prefix": f"/aws-glue/{name}",
            "--job-language": "python",
            "--job-bookmark-option": "job-bookmark-disable",
            **(own if isinstance(own, dict) else {}),
            **arguments,
            **modules,
        },
    }


def _job(glue: Any, name: str) -> dict[str, Any] | None:
    try:
        with aws_failures(f"Glue job {name}"):
            return glue.get_job(JobName=name)["Job"]
    except AwsNotFound:
        return None


def _changes(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """What differs, one phrase per field or argument."""
    changes = []
    for field in sorted({*old, *new}):
        before, after = old.get(field), new.get(field)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += [f"{field} {what}" for what in _changes(before, after)]
        elif before != after:
            changes.append(f"{field} {before if before is not None else 'unset'} -> {after}")
    return changes


@command.command("manifest")
@click.option("--from", "first", required=True, metavar="YYYY-MM-DD", help="First snapshot date.")
@click.option("--to", "last", metavar="YYYY-MM-DD", help="Last snapshot date; the first when not given.")
def manifest(first: str, last: str | None) -> None:
    """Write a manifest that builds dates without Dagster, and print how to run it.

    The script writes the commit records itself, last.
    """
    settings = load_settings()
    store = open_lake(settings)
    start, end = _day(first), _day(last or first)
    days = days_between(start, end)
    sources = state.read_current_sources(store, days)
    work = [DaySources(day, raw) for day, raw in sources.items() if raw]
    if not work:
        raise PermanentError(f"No raw snapshots from {start} to {end} in {store.url()}: choose dates that have some.")
    run_id = f"by-hand-{secrets.token_hex(6)}"
    key = layout.manifest_key(run_id)
    store.put(key, make_manifest(run_id, "spark" if store.is_local else "glue", work).to_json())
    lake = store.url().rstrip("/")
    say(f"{len(work)} of {len(days)} dates have raw snapshots; manifest {store.url(key)}")
    folder = settings.home / "glue" / script_version()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in script_files().items():
        (folder / name).write_bytes(content)
    by_hand = [_spark_submit(), "--py-files", str(folder / ARCHIVE), str(folder / SCRIPT)]
    write(shlex.join(["env", *_spark_environment(), *by_hand, "--lake", lake, "--manifest", key]) + "\n")
    if not store.is_local:
        name = settings.glue_job_name
        write(f"aws glue start-job-run --job-name {name} --arguments='--lake={lake},--manifest={key}'\n")


def _spark_submit() -> str:
    """The one that is installed beside this Python, else whatever PATH has."""
    beside = Path(sys.executable).with_name("spark-submit")
    return str(beside) if beside.is_file() else "spark-submit"


def _spark_environment() -> list[str]:
    """What Spark must be told: which Java, and this Python, which has what the script needs."""
    from spotify_assets.engines.spark_engine import JAVA, find_java

    try:
        java = str(find_java())
    except PermanentError:
        java = f"/path/to/java-{JAVA}"
    pyspark = importlib.util.find_spec("pyspark")
    # Named, because Spark's own scripts look for it without quoting the path.
    spark = [f"SPARK_HOME={Path(pyspark.origin).parent}"] if pyspark and pyspark.origin else []
    return [f"JAVA_HOME={java}", *spark, f"PYSPARK_PYTHON={sys.executable}"]


def _day(text: str) -> dt.date:
    day = iso_date(text)
    if day is None:
        raise PermanentError(f"{text!r} is not a date: write it as YYYY-MM-DD.")
    return day


def _store_on_s3(settings: Settings) -> ObjectStore:
    if not settings.lake_is_on_s3:
        raise PermanentError("LAKE_URL is not on S3, where Glue could read the script: set it to s3://bucket/prefix.")
    return open_lake(settings)
