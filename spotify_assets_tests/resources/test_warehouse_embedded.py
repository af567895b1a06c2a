"""The embedded warehouse: one connection at a time, closed on leaving, many processes at once."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from fakesnow.instance import FakeSnow

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.resources.embedded_connection import Translations
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse, _failure
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.session import Session, positional

ADD_ROWS = """
import sys
from spotify_assets.resources.embedded_connection import Translations
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
warehouse = EmbeddedWarehouse(folder=sys.argv[1], database="SPOTIFY_ASSETS")
for number in range(int(sys.argv[3])):
    def work(session):
        with session.transaction():
            (count,), = session.execute("SELECT COUNT(*) AS n FROM LAKE.T")
            session.execute("INSERT INTO LAKE.T (who, n) VALUES (?, ?)", [sys.argv[2], count])
    warehouse.run(work)
"""


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedWarehouse:
    return EmbeddedWarehouse(folder=str(tmp_path / "a warehouse"), database="SPOTIFY_ASSETS", lock_timeout_seconds=60)


def test_several_processes_work_at_once_without_an_error_or_a_lost_write(embedded: EmbeddedWarehouse) -> None:
    embedded.execute("CREATE TABLE LAKE.T (who VARCHAR, n NUMBER(38,0))")

    processes = [
        subprocess.Popen([sys.executable, "-c", ADD_ROWS, embedded.folder, str(who), "6"], stderr=subprocess.PIPE)
        for who in range(2)
    ]
    errors = [process.communicate()[1].decode() for process in processes]

    assert [process.returncode for process in processes] == [0, 0], errors
    numbers = embedded.execute("SELECT n FROM LAKE.T ORDER BY n")
    assert [number for (number,) in numbers] == list(range(12))


def test_who_waits_too_long_for_another_process_is_told_which_file_to_look_at(embedded: EmbeddedWarehouse) -> None:
    impatient = embedded.model_copy(update={"lock_timeout_seconds": 0.1})
    code = (
        "import sys\nfrom filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n    print('held', flush=True)\n    sys.stdin.readline()"
    )
    lock = Path(embedded.folder) / "SPOTIFY_ASSETS.lock"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(TransientError, match=r"SPOTIFY_ASSETS\.lock"):
            impatient.execute("SELECT 1")

        holder.communicate("\n")


def test_the_connection_is_closed_and_the_transaction_undone_when_the_work_fails(embedded: EmbeddedWarehouse) -> None:
    embedded.execute("CREATE TABLE LAKE.T (a NUMBER(38,0))")
    kept = []

    def work(session: Session) -> None:
        kept.append(session._connection)
        with session.transaction():
            session.execute("INSERT INTO LAKE.T (a) VALUES (1)")
            raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        embedded.run(work)

    assert kept[0].is_closed()
    assert embedded.execute("SELECT COUNT(*) AS n FROM LAKE.T") == [(0,)]


def test_a_process_that_is_killed_in_a_transaction_leaves_the_old_rows(embedded: EmbeddedWarehouse) -> None:
    embedded.execute("CREATE TABLE LAKE.T (a NUMBER(38,0))")
    code = (
        "import os, sys\nfrom spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse\n"
        "with EmbeddedWarehouse(folder=sys.argv[1], database='SPOTIFY_ASSETS').session() as session:\n"
        "    session.execute('BEGIN')\n"
        "    session.execute('INSERT INTO LAKE.T (a) VALUES (1)')\n"
        "    os.kill(os.getpid(), 9)\n"
    )

    done = subprocess.run([sys.executable, "-c", code, embedded.folder], check=False)

    assert done.returncode == -9
    assert embedded.execute("SELECT COUNT(*) AS n FROM LAKE.T") == [(0,)]


def test_a_merge_runs_inside_a_transaction(embedded: EmbeddedWarehouse) -> None:
    """Why the connection is not a plain `FakeSnow.connect`: see `warehouse_embedded._connect`."""
    embedded.execute("CREATE TABLE LAKE.T (a NUMBER(38,0)) COMMENT = 'it''s'")
    with embedded.session() as session, session.transaction():
        session.execute("DELETE FROM LAKE.T")
        session.execute(
            "MERGE INTO LAKE.T AS t USING (SELECT 1 AS a) AS s ON t.a = s.a "
            "WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
        )

    assert embedded.execute("SELECT a FROM LAKE.T") == [(1,)]


def test_a_frame_keeps_integers_and_dates_beside_nulls(embedded: EmbeddedWarehouse) -> None:
    frame = embedded.query(
        "SELECT 1 AS Whole, NULL AS nothing, DATE '2026-01-01' AS d UNION ALL SELECT 2, 3, NULL ORDER BY 1"
    )

    assert frame.to_dict("list") == {"whole": [1, 2], "nothing": [None, 3], "d": [dt.date(2026, 1, 1), None]}


def test_a_frame_without_rows_has_its_columns(embedded: EmbeddedWarehouse) -> None:
    frame = embedded.query("SELECT 1 AS a, 'x' AS b WHERE 1 = 0")

    assert list(frame.columns) == ["a", "b"]
    assert frame.empty


def test_named_parameters_become_positional_ones_in_order() -> None:
    assert positional("a = %(x)s OR b = %(y)s OR c = %(x)s AND d LIKE '5%%'", {"x": 1, "y": 2}) == (
        "a = ? OR b = ? OR c = ? AND d LIKE '5%'",
        [1, 2, 1],
    )


def test_a_wrong_statement_is_a_permanent_failure_that_shows_it(embedded: EmbeddedWarehouse) -> None:
    with pytest.raises(PermanentError, match="could not run 'SELECT nonsense'"):
        embedded.execute("-- a comment\nSELECT nonsense")


def test_a_table_that_is_not_there_is_one_sentence(embedded: EmbeddedWarehouse) -> None:
    """DuckDB draws the statement it was given, which nobody wrote."""
    with pytest.raises(PermanentError) as caught:
        embedded.execute("SELECT COUNT(*) FROM LAKE.SONGZ")

    assert caught.value.what == (
        "The embedded warehouse could not run 'SELECT COUNT(*) FROM LAKE.SONGZ': "
        "Catalog Error: Table with name SONGZ does not exist!"
    )


def test_loaded_runs_of_a_new_warehouse_are_none(embedded: EmbeddedWarehouse) -> None:
    assert embedded.loaded_runs("songs") == {}


def test_files_of_a_lake_elsewhere_are_staged_under_their_keys(embedded: EmbeddedWarehouse, store: ObjectStore) -> None:
    store.put("tables/songs/run=r/day=2026-01-01/a.parquet", b"")

    with embedded.session() as session, session.stage(store, ["tables/songs/run=r/day=2026-01-01/a.parquet"]) as stage:
        assert stage == "LAKE.LAKE_FILES"


def test_what_was_staged_for_one_load_is_not_there_for_the_next(
    embedded: EmbeddedWarehouse, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for name in "ab":
        store.put(f"{name}.parquet", b"")

    def staged(session: Session, *keys: str) -> set[str]:
        with session.stage(store, list(keys)):
            return {path.name for path in scratch.rglob("*.parquet")}

    with embedded.session() as session:
        assert staged(session, "a.parquet", "b.parquet") == {"a.parquet", "b.parquet"}
        assert staged(session, "b.parquet") == {"b.parquet"}
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["it's", "100% mine", "a'b%c=d*[e]"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """fakesnow does not quote an apostrophe."""
    warehouse = EmbeddedWarehouse(folder=str(tmp_path / name), database="SPOTIFY_ASSETS")
    warehouse.execute("CREATE TABLE LAKE.T (a NUMBER(38,0))")
    warehouse.execute("INSERT INTO LAKE.T (a) VALUES (1)")

    assert warehouse.execute("SELECT a FROM LAKE.T") == [(1,)]
    assert (tmp_path / name / "SPOTIFY_ASSETS.db").is_file()


def test_a_question_mark_in_the_path_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    """DuckDB names the log beside the file by what stands before a `?`, through links too."""
    with pytest.raises(PermanentError, match=r"can't be in .*what") as failed:
        EmbeddedWarehouse(folder=str(tmp_path / "what?"), database="D").execute("SELECT 1")

    assert "SPOTIFY_ASSETS_HOME" in failed.value.remedy


def test_a_damaged_file_is_one_sentence_with_a_remedy(embedded: EmbeddedWarehouse) -> None:
    Path(embedded.folder).mkdir()
    Path(embedded.location).write_bytes(b"not a database" * 1000)

    with pytest.raises(PermanentError, match=r"SPOTIFY_ASSETS\.db can't be opened") as failed:
        embedded.execute("SELECT 1")

    assert "spotify-assets build" in failed.value.remedy


def test_a_folder_that_is_a_file_is_one_sentence_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    with pytest.raises(PermanentError, match=r"home/warehouse can't be used: Not a directory") as failed:
        EmbeddedWarehouse(folder=str(tmp_path / "home" / "warehouse"), database="D").execute("SELECT 1")

    assert failed.value.remedy


def test_a_run_keeps_its_connection_and_lets_others_in_when_it_ends(embedded: EmbeddedWarehouse) -> None:
    sessions = []

    @dg.op
    def use(warehouse: EmbeddedWarehouse) -> None:
        warehouse.run(lambda session: sessions.append((id(session), session._connection)))

    @dg.op(ins={"after": dg.In(dg.Nothing)})
    def use_again(warehouse: EmbeddedWarehouse) -> None:
        warehouse.run(lambda session: sessions.append((id(session), session._connection)))

    @dg.job(resource_defs={"warehouse": embedded}, executor_def=dg.in_process_executor)
    def both() -> None:
        use_again(use())

    assert both.execute_in_process().success

    (first, connection), (second, _) = sessions
    assert first == second
    assert connection.is_closed()
    assert embedded.execute("SELECT 1 AS one") == [(1,)]


def test_a_failure_in_a_run_lets_others_in_before_the_retry(embedded: EmbeddedWarehouse) -> None:
    closed = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def use(context, warehouse: EmbeddedWarehouse) -> None:
        if context.retry_number:
            closed.append(embedded.execute("SELECT 1 AS one"))
        else:
            warehouse.run(lambda session: session.execute("SELECT nonsense"))

    @dg.job(resource_defs={"warehouse": embedded}, executor_def=dg.in_process_executor)
    def retried() -> None:
        use()

    assert retried.execute_in_process().success
    assert closed == [[(1,)]]


@pytest.mark.parametrize("in_run", [False, True])
def test_work_that_needs_more_memory_gets_it_and_is_done_once(embedded: EmbeddedWarehouse, in_run: bool) -> None:
    embedded.execute("CREATE TABLE LAKE.T (n NUMBER(38,0))")
    numbers = "SELECT ROW_NUMBER() OVER (ORDER BY 1) AS n FROM TABLE(GENERATOR(ROWCOUNT => 3000000))"
    tries, answers = [], []

    def work(session: Session) -> int:
        tries.append(session)
        with session.transaction():
            session.execute("INSERT INTO LAKE.T (n) VALUES (1)")
            return session.count(f"SELECT LENGTH(LISTAGG(n, '')) AS n FROM ({numbers})")

    def use(warehouse: EmbeddedWarehouse) -> None:
        warehouse._memory_limit = "60MB"
        answers.append(warehouse.run(work))

    @dg.op(name="use")
    def used(warehouse: EmbeddedWarehouse) -> None:
        use(warehouse)

    @dg.job(resource_defs={"warehouse": embedded}, executor_def=dg.in_process_executor)
    def much() -> None:
        used()

    if in_run:
        assert much.execute_in_process().success
    else:
        use(embedded)

    assert answers == [19_888_896], "the digits of 1 to 3,000,000"
    assert len(tries) == 2
    assert embedded.execute("SELECT COUNT(*) AS n FROM LAKE.T") == [(1,)]


def test_work_that_needs_more_memory_than_there_is_says_what_to_do(embedded: EmbeddedWarehouse) -> None:
    def work(session: Session) -> None:
        raise _failure(duckdb.OutOfMemoryException("could not allocate\nmore"), "SELECT 1")

    with pytest.raises(PermanentError, match="too little memory for 'SELECT 1': could not allocate") as caught:
        embedded.run(work)
    assert "fewer dates" in caught.value.remedy


def test_a_statement_that_was_translated_before_answers_the_same(embedded: EmbeddedWarehouse) -> None:
    """fakesnow translates, and ours answers: the columns and values must not differ from its own."""
    statement = (
        "SELECT 1 AS Whole, CAST(1.5 AS FLOAT) AS part, DATE '2026-01-01' AS d, 'x' AS t, NULL AS n, TRUE AS b, "
        "COUNT(*) AS c, CAST('2026-01-01 10:00:00' AS TIMESTAMP_NTZ(6)) AS at, CAST(2 AS NUMBER(38,0)) AS Number, "
        "2 + 3, MAX('y') WHERE 1 = ?"
    )
    instance = FakeSnow()
    connection = instance.connect("SPOTIFY_ASSETS", "LAKE", paramstyle="qmark")
    plain = connection.cursor().execute(statement, [1])
    rows = plain.fetchall()
    expected = [column.name for column in plain.description], rows
    instance.duck_conn.close()

    for limit in (None, 5, 1):
        answer = embedded.run(lambda session, limit=limit: session.ask(statement, [1], limit=limit))
        assert answer == expected
        assert [type(value) for value in answer[1][0]] == [type(value) for value in rows[0]]


def test_a_query_that_is_more_than_its_text_is_fakesnows(embedded: EmbeddedWarehouse) -> None:
    seeded = "SELECT RANDOM(7) AS n"

    first, again = (embedded.execute(seeded) for _ in range(2))

    assert first == again


def test_a_view_that_was_translated_before_is_made_anew(embedded: EmbeddedWarehouse) -> None:
    embedded.execute("CREATE TABLE LAKE.T (a NUMBER(38,0))")
    for value, other in ((1, 2), (3, 4)):
        embedded.execute("DELETE FROM LAKE.T")
        embedded.execute("INSERT INTO LAKE.T (a) VALUES (?)", [value])
        embedded.execute("CREATE OR REPLACE VIEW LAKE.V (a) COPY GRANTS AS SELECT a FROM LAKE.T")
        assert embedded.execute("SELECT a FROM LAKE.V") == [(value,)]
        embedded.execute(f"CREATE OR REPLACE VIEW LAKE.V (a) COPY GRANTS AS SELECT {other} AS a")
        assert embedded.execute("SELECT a FROM LAKE.V") == [(other,)]


def test_translations_outlive_the_process_in_a_file_and_a_broken_file_costs_nothing(tmp_path: Path) -> None:
    kept = Translations()
    kept.add("D", "SELECT 1", [("SELECT 1", False)])
    kept.write(tmp_path)
    (file,) = tmp_path.iterdir()
    found = Translations()
    found.read(tmp_path)
    file.write_text("{")
    Translations().read(tmp_path)

    assert found.find("D", "SELECT 1") == [("SELECT 1", False)]
    assert found.find("OTHER", "SELECT 1") is None
    assert file.name.startswith("translated-")
