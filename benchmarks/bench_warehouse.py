"""Loading the embedded warehouse: 30 dates of 200,000 rows in one run, beside the bare COPYs of the same files.

A load deletes the dates, copies the files, counts what arrived, and records the runs, in one transaction. The bare
COPY does none of that; `write_pandas` is what a pandas IO manager would do.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import in_own_process, report
from glue_scripts.commit import Commit, DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import loads, schema
from spotify_assets.warehouse.session import Session

DAYS = 30
ROWS = 200_000
TABLE = LAKE_TABLES["playlist_items"]
_FIRST = dt.date(2026, 1, 1)


def main() -> None:
    """30 × 200,000 entries: a first load, the same dates again, and one more date of 200,000."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        commits = write_lake(root / "lake")
        loaded = in_own_process(partial(load, root, "loaded", commits), warm=_warm)
        again = in_own_process(partial(load, root, "loaded", commits), warm=_warm)
        bare = in_own_process(partial(bare_copies, root, commits), warm=_warm)
        pandas = in_own_process(partial(write_frames, root, commits), warm=_warm)
        baselines = [("the bare COPYs of the same files", bare), ("write_pandas, a date at a time", pandas)]
        report(f"load of {DAYS} × {ROWS:,} rows", loaded, baselines)
        report("the same dates loaded again", again, baselines[:1])
        last = {day: commit for day, commit in commits.items() if day == max(commits)}
        report("one of the dates loaded again", in_own_process(partial(load, root, "loaded", last), warm=_warm))


def write_lake(root: Path) -> dict[dt.date, Commit]:
    """One file of playlist_items per date, 100 entries to a playlist; the commits that name them."""
    import duckdb

    days = [_FIRST + dt.timedelta(days=number) for number in range(DAYS)]
    commits = {}
    with duckdb.connect() as connection:
        for number, day in enumerate(days):
            key = f"{layout.table_run_prefix(TABLE.name, 'bench', day)}part-0.parquet"
            path = root / key
            path.parent.mkdir(parents=True)
            connection.execute(
                f"""
                COPY (
                  SELECT DATE '{day}' AS snapshot_date, 'p' || (i // 100) AS playlist_id, i % 100 AS position,
                    'track' AS item_type, 'spotify:track:' || md5(song::VARCHAR) AS item_uri,
                    md5(song::VARCHAR) AS song_id, 'song number ' || song AS name,
                    TIMESTAMP '2025-01-01' + INTERVAL (i) SECOND AS added_at, 'user' || (i % 50) AS added_by,
                    'bench' AS run_id
                  FROM (SELECT i, (i * 7919 + {number} * 31) % 90000 AS song FROM range({ROWS}) AS t(i))
                ) TO '{path}' (FORMAT parquet)
                """
            )
            files = TableFiles((DataFile(key, ROWS, path.stat().st_size),))
            commits[day] = Commit(
                day.isoformat(), "bench", "bench", "2026-02-01T00:00:00Z", (), ROWS, 0, None, {TABLE.name: files}
            )
    return commits


def load(root: Path, name: str, commits: dict[dt.date, Commit]) -> None:
    """What the asset does."""
    store = ObjectStore.open((root / "lake").as_uri())
    _warehouse(root, name).run(lambda session: loads.load_table(session, store, TABLE.name, commits))


def bare_copies(root: Path, commits: dict[dt.date, Commit]) -> None:
    """One COPY of all the files into an empty table, committing by itself."""
    store = ObjectStore.open((root / "lake").as_uri())
    files = [key for commit in commits.values() for key in commit.file_keys(TABLE.name)]

    def work(session: Session) -> None:
        schema.prepare(session, [("lake", TABLE)])
        with session.stage(store, files) as stage:
            session.execute(loads.copy_statement("LAKE.PLAYLIST_ITEMS", stage, "playlist_items", files))

    _warehouse(root, "bare").run(work)


def write_frames(root: Path, commits: dict[dt.date, Commit]) -> None:
    """Each file read into a frame and written with fakesnow's write_pandas."""
    import pandas as pd
    from fakesnow.pandas_tools import write_pandas

    with _warehouse(root, "pandas").session() as session:
        schema.prepare(session, [("lake", TABLE)])
        for commit in commits.values():
            for key in commit.file_keys(TABLE.name):
                frame = pd.read_parquet(root / "lake" / key, partitioning=None)
                frame.columns = [str(column).upper() for column in frame.columns]
                write_pandas(session._connection, frame, TABLE.name.upper(), schema="LAKE")  # pyright: ignore[reportArgumentType]


def _warehouse(root: Path, name: str) -> EmbeddedWarehouse:
    return EmbeddedWarehouse(folder=str(root / name), database="SPOTIFY_ASSETS")


def _warm() -> None:
    import duckdb  # noqa: F401
    import fakesnow.instance
    import pandas  # noqa: F401

    fakesnow.instance.FakeSnow().duck_conn.close()
