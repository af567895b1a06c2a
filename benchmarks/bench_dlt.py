"""The DuckDB engine beside dlt, where it is installed (`pip install "dlt[parquet]"`): raw pages to Parquet tables.

dlt does what its documentation shows: a resource yields the entries of the pages, and it makes the tables itself, one
for each list in them. The lists of markets, of which each entry has two with nearly two hundred rows, are left out.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bench_engine import engine_pass
from benchmarks.measure import import_duckdb, in_own_process, report
from benchmarks.raw_lakes import write_raw_lake


def main() -> None:
    """20,000 entries in 200 objects."""
    if importlib.util.find_spec("dlt") is None:
        print("  dlt is not installed, and nothing was measured")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (day,) = write_raw_lake(root, objects=200, entries=100)
        files = sorted((root / "raw").rglob("*.gz"))
        ours = in_own_process(partial(engine_pass, root, day), times=3, warm=import_duckdb)
        theirs = in_own_process(partial(dlt_pass, files, root / "dlt"), warm=_import_dlt)
        report(
            "DuckDB engine, 20,000 entries, seven tables", ours, [("dlt, a table for each list in the entries", theirs)]
        )


def dlt_pass(files: list[Path], out: Path) -> None:
    """One load of all entries into Parquet files."""
    dlt: Any = importlib.import_module("dlt")
    pipeline = dlt.pipeline(
        "playlists",
        pipelines_dir=str(out / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=(out / "lake").as_uri()),
        dataset_name="spotify",
    )
    entries = dlt.resource(_entries(files), name="entries")
    pipeline.run(entries, loader_file_format="parquet")


def _entries(files: list[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for page in map(json.loads, lines):
                for position, item in enumerate(page["page"]["items"], page["offset"]):
                    for described in (item["track"], item["track"]["album"]):
                        described.pop("available_markets", None)
                    yield {"playlist_id": page["playlist"]["id"], "position": position, **item}


def _import_dlt() -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # nothing is sent anywhere
    importlib.import_module("dlt")


if __name__ == "__main__":
    main()
