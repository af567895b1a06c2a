"""What may be asked: queries, and nothing that changes something."""

from __future__ import annotations

import pytest

from spotify_assets.failures import PermanentError
from spotify_assets.warehouse.read_only import check_reads_only


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "-- the day\nselect 1",
        "/* a */ select 1 -- b",
        "with a as (select 1 as x) select x from a;",
        "select * from lake.songs qualify row_number() over (partition by song_id order by snapshot_date) = 1",
        "show tables",
        "describe table lake.songs",
        "(select 1) union all (select 2)",
        "select system$typeof(1)",
        "select 'insert into x; SYSTEM$ABORT_SESSION(1)'",
        'select "NEXTVAL_OF" from t',
    ],
)
def test_a_query_is_let_through(statement: str) -> None:
    check_reads_only(statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select * into t from lake.songs", "INTO"),
        ("insert into t values (1)", "INSERT"),
        ("-- select\ndelete from t", "DELETE"),
        ("create table t as select 1", "CREATE"),
        ("truncate table t", "TRUNCATETABLE|TRUNCATE"),
        ("copy into t from @s", "COPY"),
        ("call p()", "not run here|no Snowflake SQL"),
        ("grant select on t to role r", "not run here"),
        ("use role accountadmin", "not run here"),
        ("alter session set timezone = 'UTC'", "not run here"),
        ("select 1; drop table t", "2 statements"),
        ("select s.nextval", "takes a number"),
        ("select system$abort_session(123)", "SYSTEM\\$ABORT_SESSION does something"),
        ("select SYSTEM$CANCEL_ALL_QUERIES(1) from t", "does something"),
        ("select * from t for update", "locks rows"),
        ("", "0 statements"),
        ("select '", "no Snowflake SQL"),
        ("selectt 1", "not run here|no Snowflake SQL"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(statement: str, words: str) -> None:
    with pytest.raises(PermanentError, match=words):
        check_reads_only(statement)


def test_athena_is_read_in_its_own_dialect() -> None:
    check_reads_only("select day, approx_distinct(song_id) from songs group by day", "athena")
    with pytest.raises(PermanentError):
        check_reads_only("unload (select 1) to 's3://b/' with (format = 'PARQUET')", "athena")
