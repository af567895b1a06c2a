"""One date of 200 playlists on an S3 that takes 50 ms a request: the DuckDB engine, and what Glue's workers do over the
network (they read raw objects and stage them, before Spark begins); each beside a request at a time.

moto answers in a process of its own, and each answer waits: what counts on S3 is how many requests are under way.
"""

from __future__ import annotations

import datetime as dt
import logging
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.measure import import_duckdb, in_own_process, report
from benchmarks.raw_lakes import write_raw_lake
from glue_scripts import spark_reader
from glue_scripts.lake_files import LakeFiles
from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.engines.engine import DaySources
from spotify_assets.lake import state
from spotify_assets.storage import object_store
from spotify_assets.storage.object_store import ObjectStore

PLAYLISTS, ENTRIES = 200, 20
SECONDS_A_REQUEST = 0.05
_LAKE = "s3://bench/lake"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-west-1"}


def main() -> None:
    """Print the date with the requests that are under way by design, and with one."""
    with patch.dict(os.environ, _CREDENTIALS):
        _compare()


def _compare() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        endpoint: str = ours.recv()
        with tempfile.TemporaryDirectory() as folder:
            (day,) = write_raw_lake(Path(folder), objects=PLAYLISTS, entries=ENTRIES)
            _upload(Path(folder), endpoint)
        ours.send("slow")
        ours.recv()
        each = [
            (
                what,
                in_own_process(partial(work, endpoint, day), times=3, warm=import_duckdb),
                in_own_process(partial(work, endpoint, day, parallel=1), warm=import_duckdb),
            )
            for what, work in (("DuckDB engine", build), ("reading and staging of one Glue worker", stage))
        ]
    finally:
        server.kill()
        server.join()
    print(f"  {PLAYLISTS} playlists, {SECONDS_A_REQUEST * 1_000:.0f} ms a request")
    for what, at_once, in_a_row in each:
        report(what, at_once, [("a request at a time", in_a_row)])


def build(endpoint: str, day: dt.date, *, parallel: int = object_store._PARALLEL) -> None:
    """List the raw objects of the date and build its tables, with so many requests under way."""
    object_store._PARALLEL = parallel
    store = ObjectStore.open(_LAKE, endpoint_url=endpoint)
    build_day(store, "bench", DaySources(day, state.read_current_sources(store, [day])[day]))


def stage(endpoint: str, day: dt.date, *, parallel: int = spark_reader.PARALLEL_READS) -> None:
    """What a worker does with the raw objects of the date, pass by pass, with so many reads under way."""
    spark_reader.PARALLEL_READS = parallel
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    sources = state.read_current_sources(ObjectStore.open(_LAKE, endpoint_url=endpoint), [day])[day]
    size = spark_reader.OBJECTS_PER_PASS
    for number, at in enumerate(range(0, len(sources), size)):
        counted = spark_reader.stage_pass(LakeFiles(_LAKE), sources[at : at + size], f"staging/pass-{number}.parquet")
        assert not any(one.unread for one in counted)


def _upload(folder: Path, endpoint: str) -> None:
    import boto3

    boto3.client("s3", endpoint_url=endpoint).create_bucket(
        Bucket="bench", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.gz")}
    ObjectStore.open(_LAKE, endpoint_url=endpoint).upload_many(files)


def _serve(pipe: Connection) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    answer = DomainDispatcherApplication(create_backend_app)
    seconds = 0.0

    def slowly(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(seconds)
        return answer(environ, start)

    with make_server("127.0.0.1", 0, slowly, threaded=True) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pipe.send(f"http://127.0.0.1:{server.port}")
        pipe.recv()
        seconds = SECONDS_A_REQUEST
        pipe.send("slow")
        pipe.recv()


if __name__ == "__main__":
    main()
