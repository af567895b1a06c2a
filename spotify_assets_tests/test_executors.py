"""Which deployments run steps side by side, and that they then do."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.executors import IN_PROCESS, executor_for
from spotify_assets.settings import SettingsError, load_settings
from spotify_assets_tests.side_by_side import meeting
from spotify_assets_tests.test_definitions import SNOWFLAKE


@pytest.mark.parametrize(
    "environment",
    [{}, SNOWFLAKE, {"LAKE_URL": "s3://bucket/lake", "TRANSFORM_ENGINE": "glue"}],
    ids=["embedded", "Snowflake", "Glue and embedded"],
)
def test_steps_run_in_the_runs_process_unless_somebody_chose_otherwise(environment: dict[str, str]) -> None:
    assert executor_for(load_settings(environment)) is IN_PROCESS


def test_the_embedded_warehouse_has_one_writer_and_says_so() -> None:
    with pytest.raises(SettingsError, match="STEPS_AT_ONCE is 4 but the embedded warehouse has one writer"):
        load_settings({"STEPS_AT_ONCE": "4"})


def test_on_snowflake_a_deployment_may_choose_processes() -> None:
    assert executor_for(load_settings({**SNOWFLAKE, "STEPS_AT_ONCE": "4"})).name == "multiprocess"


def test_two_steps_are_under_way_at_the_same_time(tmp_path: Path) -> None:
    """Each waits until the other has come.

    The port goes by configuration: a server of forks that an earlier test started knows only the environment of then.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as server, ThreadPoolExecutor(1) as pool:
        server.settimeout(60)
        port = {"config": {"port": server.getsockname()[1]}}

        def host() -> None:
            guests = [server.accept()[0] for _ in range(2)]
            for guest in guests:
                guest.sendall(b"!")
                guest.close()

        met = pool.submit(host)
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            result = dg.execute_job(
                dg.reconstructable(meeting), instance, run_config={"ops": {"one": port, "other": port}}
            )
            assert result.success
        met.result()
