"""Every statement the project can send: Snowflake's dialect parses it, and the embedded warehouse runs what it can."""

from __future__ import annotations

import datetime as dt
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Column, Type
from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse import (
    dimensions,
    environments,
    landing,
    loads,
    marts,
    quality,
    reconcile,
    schema,
    setup,
    snowpipe,
    sql,
    state,
)
from spotify_assets.warehouse.session import Session, Value
from spotify_assets_tests.warehouse.test_landing import VARIABLES

Statement = tuple[str, Sequence[Value]]
DATES = [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]
AT = dt.datetime.fromisoformat("2026-01-01T00:00:00")

CANNOT_RUN = {
    "ALTER PIPE",
    "ALTER STORAGE INTEGRATION",
    "CREATE PIPE",
    "CREATE RESOURCE MONITOR",
    "CREATE ROLE",
    "CREATE STORAGE INTEGRATION",
    "CREATE USER",
    "CREATE WAREHOUSE",
    "DESC INTEGRATION",
    "DROP DATABASE",
    "GRANT",
    "SELECT … COPY_HISTORY",
    "SELECT … SYSTEM$PIPE_STATUS",
    "SELECT … SYSTEM$VALIDATE_STORAGE_INTEGRATION",
}
"""What the embedded warehouse can't run; docs/design.md states the same list."""

NOT_IN_SQLGLOT = {
    "ALTER PIPE",
    "ALTER STORAGE INTEGRATION",
    "CREATE PIPE",
    "CREATE RESOURCE MONITOR",
    "CREATE ROLE",
    "CREATE USER",
    "GRANT",
    "DESC INTEGRATION",
}
"""Account statements whose inside sqlglot keeps as text; a pipe's COPY is parsed by itself."""


def kind(statement: str) -> str:
    for function in ("COPY_HISTORY", "SYSTEM$PIPE_STATUS", "SYSTEM$VALIDATE_STORAGE_INTEGRATION"):
        if function in statement:
            return f"SELECT … {function}"
    found = re.match(
        r"(?:--[^\n]*\n)*\s*(GRANT|DESC INTEGRATION|COPY INTO|"
        r"(?:CREATE|ALTER|DROP)(?: OR REPLACE)? (?:STORAGE INTEGRATION|RESOURCE MONITOR|FILE FORMAT|\w+)|\w+)",
        statement,
    )
    assert found
    return found[1].replace(" OR REPLACE", "")


def account_statements() -> Iterator[Statement]:
    for load in ("copy", "snowpipe"):
        for _, files in setup.plan(load, VARIABLES):
            yield from ((statement, ()) for _, statements in files for statement in statements)
    yield setup.trust_statement(VARIABLES), ()
    yield "DESC INTEGRATION LAKE_ACCESS", ()
    yield environments.clone_statement("SPOTIFY_ASSETS_PR_7", "SPOTIFY_ASSETS"), ()
    yield environments.drop_statement("SPOTIFY_ASSETS", 7), ()
    for table in LAKE_TABLES:
        yield landing.arrived_statement(LAKE_TABLES[table], 2), DATES * 2
        yield snowpipe.status_statement(table), ()
        yield snowpipe.history_statement(table, 24), ()
        yield snowpipe.refresh_statement(table, "run-1"), ()


def table_statements() -> Iterator[Statement]:
    for layer, tables in schema.TABLES.items():
        yield schema.create_schema(layer), ()
        for table in tables.values():
            if schema.is_view(layer, table.name):
                continue
            yield schema.create_table(layer, table), ()
            wider = {column.name.upper(): schema._REPORTED[column.type] for column in table.columns[:-1]}
            yield from ((ddl, ()) for ddl in schema.changes(layer, table, wider))
    yield from ((schema.create_view(mart), ()) for mart in schema.VIEWS)


def work_statements() -> Iterator[Statement]:
    yield from ((statement, ()) for statement in ("BEGIN", "COMMIT", "BEGIN", "ROLLBACK"))
    for name in LAKE_TABLES:
        target = sql.qualified("lake", name)
        yield sql.delete_dates(target, 2), DATES
        yield reconcile.content_statement(name), [name, DATES[0], DATES[1], DATES[0], DATES[1]]
    for name, table in DIMENSIONS.items():
        yield dimensions.recompute_statement(table, 2), DATES * 4
        yield dimensions.merge_statement(table, 2), DATES
        yield dimensions.rebuild_statement(table), ()
        yield quality.rules_statement("spotify", table), ()
        yield f"DELETE FROM {sql.qualified('spotify', name)}", ()
    for name, mart in marts.DEFINITIONS.items():
        yield from mart_statements(name, mart)
        yield quality.rules_statement("analytics", MARTS[name]), ()
        yield quality.examples_statement("analytics", MARTS[name], None), ()
        yield quality.examples_statement("analytics", MARTS[name], MARTS[name].key[0], f"{MARTS[name].key[0]} = ?"), "x"
    yield state.pending_statement("analytics", 2), ["songs", "albums", "release_profile", "code"]
    yield state.snapshots_statement(2, 2), [*DATES, *DATES, "song_stays", *DATES, "song_stays"]
    yield sql.statement("state/forget_snapshots"), ["song_stays", "song_stays"]
    yield sql.statement("state/apply_snapshots"), ["song_stays"]
    yield sql.insert_rows("lake", schema.LOADS, 1), ["songs", DATES[0], "r", 1, AT, "code"]
    yield sql.insert_rows("spotify", schema.APPLIED, 1), ["songs", DATES[0], "r", AT, "code"]


def mart_statements(name: str, mart: marts.Mart) -> Iterator[Statement]:
    if mart.how == "view":
        return
    if mart.how == "snapshots":
        yield marts.clear_statement(name), ()
        yield marts.insert_statement(name), ()
    else:
        dates = [*DATES, *DATES] if mart.how == "weeks" else DATES * marts.select_statement(name, 1).count("IN (?)")
        yield marts.insert_statement(name, 2), dates
    if mart.how == "popularity":
        yield sql.statement("marts/song_popularity_previous"), DATES
        yield sql.statement("marts/song_popularity_returned"), [*DATES, DATES[0]]


def all_statements() -> list[Statement]:
    return [*table_statements(), *work_statements(), *account_statements()]


@pytest.fixture(autouse=True)
def quiet_sqlglot() -> None:
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def test_every_statement_parses_in_sqlglots_snowflake_dialect() -> None:
    kept_as_text = set()
    copies = [loads.copy_statement("LAKE.SONGS", sql.STAGE, "songs", ["tables/songs/a.parquet", "it's.parquet"])]
    copies += [landing.pipe_body(table) for table in LAKE_TABLES.values()]
    copies += environments.copied_statements(["SONGS"])
    for statement, _ in [*all_statements(), *((copy, ()) for copy in copies)]:
        parsed = sqlglot.parse(statement, read="snowflake")
        assert len(parsed) == 1, statement
        assert parsed[0] is not None, statement
        if isinstance(parsed[0], exp.Command) or parsed[0].find(exp.Command):
            kept_as_text.add(kind(statement))

    assert kept_as_text <= NOT_IN_SQLGLOT


def test_every_statement_runs_on_the_embedded_warehouse_but_the_listed_ones(
    new_warehouse: EmbeddedWarehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    cannot_run: dict[str, str] = {}

    def run_all(session: Session) -> None:
        for statement, values in all_statements():
            if re.match(r"USE (ROLE|DATABASE)|CREATE DATABASE|CREATE OR REPLACE VIEW LAKE", statement):
                continue  # the session's own; views and tables of the same name exclude each other
            try:
                session.execute(statement, values)
            except PlatformError as error:
                cannot_run[kind(statement)] = f"{statement}: {error}"

    new_warehouse.run(run_all)

    with capsys.disabled():
        sys.stdout.write("\nThe embedded warehouse can't run: " + ", ".join(sorted(cannot_run)) + "\n")
    assert set(cannot_run) == CANNOT_RUN, "\n".join(cannot_run.values())


def test_the_set_up_files_are_what_the_contract_generates() -> None:
    for name, text in setup.generated_files().items():
        assert (setup.FOLDER / f"{name}.sql").read_text() == text, (
            f"{name}.sql: run `python -m spotify_assets.warehouse.setup`"
        )


def test_the_design_page_names_what_only_an_account_can_run() -> None:
    page = (Path(__file__).parents[2] / "docs" / "design.md").read_text(encoding="utf-8")
    said = page.partition("## What only a Snowflake account can run")[2].partition("(`CREATE DATABASE")[0]

    assert set(re.findall(r"`([^`]+)`", said.replace("\n", " "))) == CANNOT_RUN


def test_nothing_that_holds_data_or_load_history_is_ever_replaced_or_dropped() -> None:
    for statement, _ in account_statements():
        assert not re.match(
            r"CREATE OR REPLACE (?!VIEW)|DROP (?!DATABASE IF EXISTS SPOTIFY_ASSETS_PR_)|TRUNCATE", statement
        ), statement


def test_a_mart_selects_the_columns_of_the_contract() -> None:
    for name, mart in marts.DEFINITIONS.items():
        selects = [] if mart.how == "view" else [(marts.select_statement(name, 2), schema.stored(name)[1])]
        selects += [(schema.view_select(name), MARTS[name])] if name in schema.VIEWS else []
        for select, table in selects:
            query = sqlglot.parse_one(select, read="snowflake")
            assert isinstance(query, exp.Query)
            assert tuple(query.named_selects) == table.column_names, name


def test_a_new_column_of_the_contract_is_added() -> None:
    songs = LAKE_TABLES["songs"]
    existing = {column.name.upper(): schema._REPORTED[column.type] for column in songs.columns if column.name != "isrc"}

    ddl = schema.changes("lake", songs, existing)

    assert len(ddl) == 1
    assert ddl[0].startswith("ALTER TABLE LAKE.SONGS ADD COLUMN IF NOT EXISTS isrc VARCHAR COMMENT")


def test_a_changed_type_stops_with_what_to_do() -> None:
    existing = {column.name.upper(): "TEXT" for column in LAKE_TABLES["songs"].columns}

    with pytest.raises(PlatformError, match=r"LAKE\.SONGS\.SNAPSHOT_DATE is TEXT in the warehouse and DATE .* RENAME"):
        schema.changes("lake", LAKE_TABLES["songs"], existing)


def test_a_dropped_column_stops_with_what_to_do() -> None:
    existing = {column.name.upper(): schema._REPORTED[column.type] for column in LAKE_TABLES["songs"].columns}

    with pytest.raises(PlatformError, match=r"LAKE\.SONGS has a column .*: OLD.*DROP COLUMN OLD"):
        schema.changes("lake", LAKE_TABLES["songs"], {**existing, "OLD": "TEXT"})


def test_a_table_made_before_a_column_was_added_takes_it_in(new_warehouse: EmbeddedWarehouse) -> None:
    songs = LAKE_TABLES["songs"]
    older = type(songs)(songs.name, songs.description, songs.key, songs.columns[:-2])
    extra = Column("added_later", Type.DATE, "A column of tomorrow's contract", nullable=True)
    newer = type(songs)(songs.name, songs.description, songs.key, (*songs.columns, extra))
    new_warehouse.run(lambda session: schema.prepare(session, [("lake", older)]))
    new_warehouse.execute("INSERT INTO LAKE.SONGS (song_id) VALUES ('a')")

    added = new_warehouse.run(lambda session: schema.prepare(session, [("lake", newer)]))

    assert len(added) == 3
    assert new_warehouse.execute("SELECT song_id, run_id, added_later FROM LAKE.SONGS") == [("a", None, None)]
    assert new_warehouse.run(lambda session: schema.prepare(session, [("lake", newer)])) == []


def test_a_row_that_is_no_tuple_is_an_error_and_not_left_out() -> None:
    class Dictionaries:
        description = ()
        sfqid = None

        def execute(self, command: str, params: Sequence[Value] | None = None, /) -> object:
            return None

        def fetchall(self) -> Sequence[object]:
            return [{"A": 1}]

        def fetchmany(self, size: int, /) -> Sequence[object]:
            return self.fetchall()

        def close(self) -> object:
            return None

    class Driver:
        def cursor(self) -> Dictionaries:
            return Dictionaries()

    def no_stage(*_: object) -> AbstractContextManager[str]:
        return nullcontext("")

    session = Session(Driver(), translate=lambda error, _: PermanentError(str(error)), stage=no_stage)

    with pytest.raises(PermanentError, match="a row that is a dict"):
        session.execute("SELECT 1")
