"""What loading a day reads: each row a fixed number of times, whatever lies in the warehouse already.

docs/performance.md has the table for 8 and for 10,000 playlists, and is held to it here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import loads, snowpipe
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.warehouse.lake_files import day
from spotify_assets_tests.warehouse.rows_read import Reads, commit_large_day, counted
from spotify_assets_tests.warehouse.test_landing import deliver, make_landing

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
AT = dt.datetime.fromisoformat("2026-01-05T12:00:00")
DAYS = 3

Step = Callable[[Session, ObjectStore, dict[dt.date, Commit]], object]


def load(session: Session, store: ObjectStore, commits: dict[dt.date, Commit]) -> None:
    for table in LAKE_TABLES:
        loads.load_table(session, store, table, commits)


def record(session: Session, store: ObjectStore, commits: dict[dt.date, Commit]) -> None:
    snowpipe.record_commits(session, commits.values(), AT)


def take_in(session: Session, store: ObjectStore, commits: dict[dt.date, Commit]) -> None:
    for table in LAKE_TABLES:
        snowpipe.take_in(session, table, [one.day for one in snowpipe.overdue(session, table)])
    snowpipe.arrived_since(session, None)


def deliver_all(session: Session, store: ObjectStore, commits: dict[dt.date, Commit]) -> None:
    """Snowpipe's own work, which runs on Snowflake's machines and is no statement of ours."""
    for commit in commits.values():
        keys = {table: commit.file_keys(table) for table in LAKE_TABLES}
        with session.stage(store, [key for each in keys.values() for key in each]):
            for table, each in keys.items():
                for key in each:
                    deliver(session, table, key)


def last_day(folder: Path, playlists: int, days: int, *, piped: bool) -> tuple[int, dict[str, Reads]]:
    """(rows of the last day's seven tables, what each step read for it), `days` dates being there in the end."""
    store = ObjectStore.open((folder / "lake").as_uri())
    warehouse = EmbeddedWarehouse(folder=str(folder / "warehouse"), database="SPOTIFY_ASSETS")
    steps: dict[str, Step] = {"record": record, "take_in": take_in} if piped else {"load": load}
    if piped:
        make_landing(warehouse)
    reads: dict[str, Reads] = {}
    rows = 0
    for number in range(days):
        commit = commit_large_day(store, folder / "lake", day(number), playlists)
        rows = sum(commit.rows(table) for table in LAKE_TABLES)
        for name, step in steps.items():
            with warehouse.session() as session:
                if name == "take_in":
                    deliver_all(session, store, {day(number): commit})
                with counted(session) as reads[name]:
                    step(session, store, {day(number): commit})
    return rows, reads


@pytest.mark.parametrize("days", [2, DAYS])
def test_a_load_reads_the_days_rows_twice_and_nothing_of_other_days(tmp_path: Path, days: int) -> None:
    """Out of the files, and again to compare them with the commit."""
    rows, reads = last_day(tmp_path, 8, days, piped=False)

    assert reads["load"].rows == 2 * rows
    if days == DAYS:
        assert (reads["load"].statements, reads["load"].rows) == stated("load")[:2]


def test_taking_in_what_a_pipe_brought_reads_the_days_rows_once(tmp_path: Path) -> None:
    rows, reads = last_day(tmp_path, 8, DAYS, piped=True)

    assert (reads["record"].statements, reads["record"].rows) == stated("record")[:2]
    assert (reads["take_in"].statements, reads["take_in"].rows) == stated("take_in")[:2]
    assert 0 <= reads["take_in"].rows - rows <= 4 * DAYS * len(LAKE_TABLES), "beside them narrow rows of LOADS"


@pytest.mark.soak
def test_the_page_has_what_a_day_of_10_000_playlists_reads(tmp_path: Path) -> None:
    for piped in (False, True):
        _, reads = last_day(tmp_path / str(piped), 10_000, DAYS, piped=piped)
        for name, found in reads.items():
            statements, _, rows = stated(name)
            assert (found.statements, found.rows) == (statements, rows), name


def stated(step: str) -> tuple[int, int, int]:
    """(statements, rows read with 8 playlists, with 10,000) as the page has them."""
    page = PAGE.read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| [^|]*<!-- {step} -->[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", page, re.MULTILINE)
    statements, small, large = (int(number.replace(",", "")) for number in row)
    return statements, small, large
