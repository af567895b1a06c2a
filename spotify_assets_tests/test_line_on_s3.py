"""The whole line on S3 (moto's server) and on a folder: the same tables, commits, warehouse and marts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES, all_tables
from spotify_assets.automation.sensors import stale_dates_sensor
from spotify_assets.definitions import build_defs
from spotify_assets.lake import layout, state
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.root import warehouse_resource
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.lakes import rows
from spotify_assets_tests.line import furnish, small_playlists

TODAY = dt.datetime.now(dt.UTC).date()
FIRST = TODAY - dt.timedelta(days=1)
VARYING = ("run_id", "extracted_at", "loaded_at")
SILENT = {"console": dg.colored_console_logger.configured({"log_level": "CRITICAL"})}


def run_the_line(settings: Settings, lake: LakeResource) -> None:
    """Extract two days, and let the sensor have everything after them built."""
    defs = build_defs(settings, {"lake": lake}, loggers=SILENT)
    with dg.DagsterInstance.ephemeral() as instance:
        days = {
            "dagster/asset_partition_range_start": FIRST.isoformat(),
            "dagster/asset_partition_range_end": TODAY.isoformat(),
        }
        assert defs.resolve_job_def("extract_playlists").execute_in_process(instance=instance, tags=days).success
        sensor = stale_dates_sensor(settings.partitions_start, dg.DefaultSensorStatus.STOPPED)
        result = sensor(dg.build_sensor_context(instance=instance, resources={"lake": lake}))
        assert isinstance(result, dg.SensorResult)
        (request,) = result.run_requests or []
        job = defs.resolve_job_def(str(request.job_name))
        assert job.execute_in_process(instance=instance, tags=request.tags).success
        again = sensor(dg.build_sensor_context(instance=instance, resources={"lake": lake}))
        assert isinstance(again, dg.SensorResult)
        assert not again.run_requests


def content(settings: Settings, store: ObjectStore) -> dict[str, object]:
    """What the line left, without run ids and times."""
    commits = state.read_commits(store, state.committed_days(store))
    found: dict[str, object] = {}
    for table in LAKE_TABLES:
        drop = LAKE_TABLES[table].column_names.index("extracted_at") - 1 if table == "playlists" else None
        found[f"lake/{table}"] = {
            day: [
                tuple(value for place, value in enumerate(row) if place != drop) for row in rows(store, commit, table)
            ]
            for day, commit in commits.items()
        }
    with warehouse_resource(settings).session() as session:
        for layer, table in all_tables():
            columns = ", ".join(name for name in table.column_names if name not in VARYING)
            selected = session.execute(f"select {columns} from {layer}.{table.name}")
            found[f"{layer}.{table.name}"] = sorted(map(str, selected))
    found["counts"] = {day: (each.entries, each.quarantined, len(each.sources)) for day, each in commits.items()}
    raw = [layout.parse_raw_key(each.key) for each in store.list(layout.RAW_PREFIX)]
    found["raw"] = sorted((key.day, key.playlist_id) for key in raw if key)
    return found


@pytest.mark.slow
def test_the_line_on_s3_leaves_what_the_line_on_a_folder_leaves(
    tmp_path: Path, s3_lake: LakeResource, aws: str
) -> None:
    both = {"PARTITIONS_START": FIRST.isoformat(), "SPOTIFY_PLAYLISTS": small_playlists()}
    on_folder = load_settings({**both, "SPOTIFY_ASSETS_HOME": str(tmp_path / "folder")})
    on_s3 = load_settings(
        {
            **both,
            "SPOTIFY_ASSETS_HOME": str(tmp_path / "s3"),
            "LAKE_URL": s3_lake.url,
            "AWS_ENDPOINT_URL": aws,
        }
    )
    for settings in (on_folder, on_s3):
        furnish(settings.home, "warehouse")
    folder = LakeResource(url=on_folder.lake)
    run_the_line(on_folder, folder)
    run_the_line(on_s3, s3_lake)
    wanted, found = content(on_folder, folder.store), content(on_s3, s3_lake.store)
    assert found.keys() == wanted.keys()
    for what, value in wanted.items():
        assert found[what] == value, what
    assert wanted["raw"]
    assert s3_lake.store.head(layout.report_key("dashboard"))
