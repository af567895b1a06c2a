"""The Dagster instance that the command line and `make dev` share: DAGSTER_HOME's, else one under SPOTIFY_ASSETS_HOME.

Runs started on the command line show in the UI and the other way round. On Dagster+ there is no such folder and
nothing here is used.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from alembic.util import CommandError
from dagster_shared.check import CheckError
from yaml import YAMLError

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.settings import configured_dagster_home, exported_dagster_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import dagster as dg

    from spotify_assets.settings import Settings

_DAGSTER_YAML = """\
# Written once by spotify-assets; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: run
    default_limit: 1
  runs:
    max_concurrent_runs: 4
run_monitoring:
  enabled: true
run_retries:
  enabled: true
retention:
  sensor:
    purge_after_days: 7
  schedule:
    purge_after_days: 90
event_log_storage:
  module: spotify_assets.local.event_log
  class: BatchingSqliteEventLogStorage
  config:
    dagster_home: {env: DAGSTER_HOME}
"""


def dagster_home(settings: Settings, *, apart: bool = False) -> Path:
    """Where runs are recorded: DAGSTER_HOME as it is configured, or (always, with `apart`) the home's own.

    The home's own is made with a dagster.yaml when it is missing. Raises PermanentError where DAGSTER_HOME is no
    folder, and where Dagster's SQLite files could not be opened: it puts their path into an address unquoted.
    """
    configured = configured_dagster_home()
    if configured and not apart:
        if not configured.is_dir():
            raise PermanentError(
                f"DAGSTER_HOME is {configured}, which is not a folder",
                remedy="make it, with the dagster.yaml of your instance, or unset it to record under "
                "SPOTIFY_ASSETS_HOME",
            )
        return configured
    home = settings.home / "dagster_home"
    if "?" in str(home) or unquote(str(home)) != str(home):
        raise PermanentError(
            f"Dagster can't keep its runs in {home}: in an address, '?' and '%' with two digits mean something else",
            remedy="set SPOTIFY_ASSETS_HOME to a folder without them in its path, or rename it",
        )
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        whole = config.with_suffix(f".{os.getpid()}.new")
        whole.write_text(_DAGSTER_YAML, encoding="utf-8")
        whole.replace(config)
    return home


def has_instance(settings: Settings) -> bool:
    """Whether there is an instance already: DAGSTER_HOME is set, or the home has one."""
    return configured_dagster_home() is not None or (settings.home / "dagster_home" / "dagster.yaml").is_file()


@contextmanager
def local_instance(settings: Settings, *, apart: bool = False) -> Iterator[dg.DagsterInstance]:
    """The instance of `dagster_home`, for runs in this process.

    Raises PermanentError when its storage can't be read or written, also later, from whatever is done with it.
    """
    import dagster as dg

    home = dagster_home(settings, apart=apart)
    with ExitStack() as stack:
        stack.enter_context(_told_of(home, own=home.parent == settings.home))
        stack.enter_context(exported_dagster_home(home))
        try:
            instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
        except (dg.DagsterError, CheckError, YAMLError, CommandError) as error:
            raise PermanentError(
                f"Dagster does not take {home / 'dagster.yaml'} or what lies beside it: {_said(error)}",
                remedy="correct the file, or move it away to have it written anew",
            ) from error
        yield instance


@contextmanager
def _told_of(home: Path, *, own: bool) -> Iterator[None]:
    """Turn what the database of the instance says into a failure that names its `home`; `own` is SQLite below it."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        if "locked" in said:
            raise TransientError(f"Dagster's runs in {home} are in use by another process: {said}") from error
        raise PermanentError(
            f"Dagster's runs in {home} can't be read or written: {said}",
            remedy="if its disk is full, free some space; if a file there is damaged, move the folder away: it holds "
            "the history of runs, the lake and the warehouse are elsewhere"
            if own
            else f"see the storage that {home / 'dagster.yaml'} names, or unset DAGSTER_HOME to record under "
            "SPOTIFY_ASSETS_HOME",
        ) from error


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
