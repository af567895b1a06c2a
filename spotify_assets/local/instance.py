"""The Dagster instance that the command line and `make dev` share, under SPOTIFY_ASSETS_HOME.

Runs started on the command line show in the UI and the other way round. On Dagster+ there is no such folder and
nothing here is used.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from spotify_assets.settings import exported_dagster_home

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


def dagster_home(settings: Settings) -> Path:
    """The DAGSTER_HOME under the home folder, made with a dagster.yaml when it is missing."""
    home = settings.home / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        config.write_text(_DAGSTER_YAML, encoding="utf-8")
    return home


@contextmanager
def local_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance of that home, for runs in this process."""
    import dagster as dg

    home = dagster_home(settings)
    with exported_dagster_home(home), dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance
