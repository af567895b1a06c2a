"""Snowpipe mode: whatever arrives, however often and in whatever order, the views show what copy mode would hold."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.failures import PermanentError
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import environments, setup, snowpipe
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.warehouse.fixtures import kept_warehouse
from spotify_assets_tests.warehouse.lake_files import commit_day, day, evolving, tables_of
from spotify_assets_tests.warehouse.use import build_all, computed, content, load, merge_all

VARIABLES = setup.Variables(
    database="SPOTIFY_ASSETS",
    warehouse="WH",
    loader_role="LOADER",
    analyst_role="ANALYST",
    integration="LAKE_ACCESS",
    lake_url="s3://bucket/lake",
    aws_role_arn="arn:aws:iam::123456789012:role/lake",
    user="DAGSTER",
)
NOW = dt.datetime.fromisoformat("2026-02-01T12:00:00")


def snowpipe_statements() -> list[str]:
    return setup.statements((setup.FOLDER / "60_landing.sql").read_text(), VARIABLES.mapping())


def pipe_statements() -> list[str]:
    return setup.statements((setup.FOLDER / "95_pipes.sql").read_text(), VARIABLES.mapping())


def pipe_bodies() -> dict[str, str]:
    """The COPY of each pipe, taken out of the SQL file."""
    pipe = re.compile(r"CREATE PIPE IF NOT EXISTS (\w+).*?\nAS\n(COPY INTO .*)", re.DOTALL)
    pipes = [pipe.fullmatch(statement) for statement in pipe_statements()]
    return {pipe[1].lower(): pipe[2] for pipe in pipes if pipe}


def make_landing(warehouse: EmbeddedWarehouse) -> None:
    """The landing tables, LAKE.LOADS and the views, as set-up makes them."""

    def work(session: Session) -> None:
        for statement in snowpipe_statements():
            session.execute(statement)

    warehouse.run(work)


def deliver(session: Session, table: str, key: str) -> None:
    """Run the pipe's own COPY for one file, as Snowpipe does; a file delivered again is loaded again."""
    session.execute("USE SCHEMA LANDING")
    body = pipe_bodies()[table]
    prefix = f"tables/{table}/"
    one_file = f"{body}\nFILES = ('{key.removeprefix(prefix)}')\nFORCE = TRUE"
    session.execute(one_file)


def take_in(session: Session, table: str) -> None:
    """What the sensor does about dates that are awaited."""
    awaited = [one.day for one in snowpipe.overdue(session, table)]
    snowpipe.take_in(session, table, awaited)


@pytest.fixture(scope="module")
def landing_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse as set-up makes it for Snowpipe, made once."""
    folder = tmp_path_factory.mktemp("landing")
    make_landing(EmbeddedWarehouse(folder=str(folder), database="SPOTIFY_ASSETS"))
    return folder


@pytest.fixture
def landing(landing_folder: Path, tmp_path: Path) -> Iterator[EmbeddedWarehouse]:
    with kept_warehouse(landing_folder, tmp_path / "landing") as kept:
        yield kept


def two_generations(store: ObjectStore, days: int, seed: int) -> list[Commit]:
    """Each date committed twice, with other rows; the second is the lake's current one."""
    commits = []
    for generation in range(2):
        for number, playlists in enumerate(evolving(days, seed=seed + generation)):
            commit = commit_day(
                store, day(number), f"gen{generation}-{number}", tables_of(playlists, on=number), files_per_table=2
            )
            at = dt.datetime(2026, 1, 1 + generation, 12, tzinfo=dt.UTC).isoformat()
            commits.append(Commit(**{**commit.__dict__, "committed_at": at}))
    return commits


def snowpipe_drill(
    landing: EmbeddedWarehouse, copied: EmbeddedWarehouse, store: ObjectStore, days: int, seed: int
) -> None:
    """Every file of every generation one to three times, commits too, all shuffled together."""
    rng = random.Random(seed)
    commits = two_generations(store, days, seed)
    files = [(table, key) for commit in commits for table in LAKE_TABLES for key in commit.file_keys(table)]
    deliveries: list[tuple[str, str] | Commit] = [one for one in [*files, *commits] for _ in range(rng.randint(1, 3))]
    rng.shuffle(deliveries)

    def work(session: Session) -> None:
        with session.stage(store, [key for _, key in files]):
            for one in deliveries:
                if isinstance(one, Commit):
                    snowpipe.record_commits(session, [one], NOW)
                else:
                    deliver(session, *one)
                if rng.random() < 0.02:
                    take_in(session, rng.choice(list(LAKE_TABLES)))
            for table in LAKE_TABLES:
                take_in(session, table)

    landing.run(work)
    load(copied, store, {dt.date.fromisoformat(commit.day): commit for commit in commits[days:]})
    assert content(landing, "LAKE", LAKE_TABLES) == content(copied, "LAKE", LAKE_TABLES)
    assert landing.all_loaded_runs(list(LAKE_TABLES)) == copied.all_loaded_runs(list(LAKE_TABLES))


def test_shuffled_repeated_and_superseded_deliveries_show_what_copy_mode_holds(
    landing: EmbeddedWarehouse, warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    snowpipe_drill(landing, warehouse, store, days=2, seed=5)

    for one in (landing, warehouse):
        merge_all(one)
        build_all(one)
    assert computed(landing) == computed(warehouse)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_shuffled_deliveries_of_ten_dates(
    landing: EmbeddedWarehouse, warehouse: EmbeddedWarehouse, store: ObjectStore, seed: int
) -> None:
    snowpipe_drill(landing, warehouse, store, days=10, seed=seed)


def test_a_new_generation_shows_only_when_all_of_it_has_arrived(landing: EmbeddedWarehouse, store: ObjectStore) -> None:
    old = commit_day(store, day(0), "old", tables_of({"P": ["a"]}))
    new = _later(commit_day(store, day(0), "new", tables_of({"P": ["b", "c", "d"]}), files_per_table=2))
    seen: list[object] = []

    def work(session: Session) -> None:
        keys = [*old.file_keys("songs"), *new.file_keys("songs")]
        with session.stage(store, keys):
            snowpipe.record_commits(session, [old, new], NOW)
            for key in keys:
                deliver(session, "songs", key)
                take_in(session, "songs")
                seen.append([row[0] for row in session.execute("SELECT song_id FROM LAKE.SONGS ORDER BY 1")])
                deliver(session, "songs", key)

    landing.run(work)

    assert seen == [["a"], ["a"], ["b", "c", "d"]]


def test_a_commit_without_rows_empties_the_date_at_once(landing: EmbeddedWarehouse, store: ObjectStore) -> None:
    old = commit_day(store, day(0), "old", tables_of({"P": ["a"]}))
    empty = _later(commit_day(store, day(0), "new", tables_of({"P": []})))

    def work(session: Session) -> list[tuple[object, ...]]:
        with session.stage(store, old.file_keys("songs")):
            deliver(session, "songs", old.file_keys("songs")[0])
        snowpipe.record_commits(session, [old, empty], NOW)
        take_in(session, "songs")
        return [*session.execute("SELECT song_id FROM LAKE.SONGS")]

    assert landing.run(work) == []
    assert landing.loaded_runs("songs") == {day(0): "new"}


def test_what_has_not_arrived_is_overdue_until_it_arrives(landing: EmbeddedWarehouse, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))

    def work(session: Session) -> tuple[list[snowpipe.Overdue], list[snowpipe.Overdue]]:
        snowpipe.record_commits(session, [commit], NOW)
        before = snowpipe.overdue(session, "songs")
        with session.stage(store, commit.file_keys("songs")):
            deliver(session, "songs", commit.file_keys("songs")[0])
        take_in(session, "songs")
        return before, snowpipe.overdue(session, "songs")

    before, after = landing.run(work)

    assert [(one.day, one.run_id) for one in before] == [(day(0), "run")]
    assert after == []


def test_refresh_copies_what_is_too_old_for_a_pipe_and_only_that(
    landing: EmbeddedWarehouse, store: ObjectStore
) -> None:
    commits = {day(n): commit_day(store, day(n), f"run-{n}", tables_of({"P": ["a"]})) for n in range(2)}

    def work(session: Session) -> tuple[list[str], list[str]]:
        with session.stage(store, [key for commit in commits.values() for key in commit.file_keys("songs")]):
            snowpipe.record_commits(session, commits.values(), NOW)
            deliver(session, "songs", commits[day(0)].file_keys("songs")[0])
            take_in(session, "songs")
            sent = snowpipe.refresh(session, "songs", commits, NOW)
            take_in(session, "songs")
            return sent, snowpipe.refresh(session, "songs", commits, NOW)

    first, second = landing.run(work)

    assert len(first) == 1
    assert "run=run-1/" in first[0]
    assert second == []
    assert landing.execute("SELECT COUNT(*) AS n FROM LAKE.SONGS") == [(2,)]


def test_the_vacuum_takes_runs_that_the_lake_has_removed_and_nothing_that_is_current(
    landing: EmbeddedWarehouse, store: ObjectStore
) -> None:
    old = commit_day(store, day(0), "old", tables_of({"P": ["a"]}))
    new = _later(commit_day(store, day(0), "new", tables_of({"P": ["b"]})))
    awaited = commit_day(store, day(1), "awaited", tables_of({"P": ["c"]}))

    def work(session: Session) -> tuple[int, int]:
        keys = [*old.file_keys("songs"), *new.file_keys("songs")]
        with session.stage(store, keys):
            snowpipe.record_commits(session, [old, new, awaited], NOW)
            for key in keys:
                deliver(session, "songs", key)
        take_in(session, "songs")
        return snowpipe.vacuum(session, "songs", {"of another date"}), snowpipe.vacuum(session, "songs", {"new"})

    assert landing.run(work) == (1, 0)
    assert landing.execute("SELECT DISTINCT run_id FROM LANDING.SONGS") == [("new",)]
    assert landing.execute("SELECT song_id FROM LAKE.SONGS") == [("b",)]
    recorded = landing.execute("SELECT run_id FROM LANDING.COMMITS WHERE table_name = 'songs' ORDER BY 1")
    assert recorded == [("awaited",), ("new",)]


def test_a_lake_without_any_run_is_no_reason_to_empty_a_landing_table(
    landing: EmbeddedWarehouse, store: ObjectStore
) -> None:
    with pytest.raises(PermanentError, match=r"holds no file of songs.*check LAKE_URL"):
        landing.run(lambda session: snowpipe.vacuum(session, "songs", set()))


def test_a_branchs_clone_holds_tables_with_the_rows_that_the_views_showed(
    landing: EmbeddedWarehouse, store: ObjectStore
) -> None:
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))

    def work(session: Session) -> list[str]:
        with session.stage(store, commit.file_keys("songs")):
            snowpipe.record_commits(session, [commit], NOW)
            deliver(session, "songs", commit.file_keys("songs")[0])
        take_in(session, "songs")
        views = [str(view) for (view,) in session.execute(environments.VIEWS, ["LAKE"])]
        for statement in environments.copied_statements(views):
            session.execute(statement)
        return views

    views = landing.run(work)

    assert {view.lower() for view in views} == set(LAKE_TABLES)
    assert landing.execute("SELECT song_id FROM LAKE.SONGS") == [("a",)]
    kinds = landing.execute("SELECT DISTINCT table_type FROM information_schema.tables WHERE table_schema = 'LAKE'")
    assert kinds == [("BASE TABLE",)]


def _later(commit: Commit) -> Commit:
    return Commit(**{**commit.__dict__, "committed_at": "2026-01-02T00:00:00Z"})
