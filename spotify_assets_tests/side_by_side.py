"""A job whose two steps wait for each other, importable by the processes that run them."""

import socket

import dagster as dg

from spotify_assets.executors import executor_for
from spotify_assets.settings import Settings, load_settings
from spotify_assets_tests.test_definitions import SNOWFLAKE


def settings(at_once: int) -> Settings:
    return load_settings({**SNOWFLAKE, "STEPS_AT_ONCE": str(at_once)})


@dg.op(out=dg.Out(dg.Nothing), config_schema={"port": int})
def meet(context: dg.OpExecutionContext) -> None:
    """Say hello to the test's server, and wait for its answer."""
    with socket.create_connection(("127.0.0.1", context.op_config["port"]), timeout=60) as connection:
        assert connection.recv(1) == b"!"


@dg.job(executor_def=executor_for(settings(2)))
def meeting() -> None:
    meet.alias("one")()
    meet.alias("other")()
