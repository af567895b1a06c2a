"""`spotify-assets sql`: what it prints, and that it only reads."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


QUERY = "select 1 as number, 'a, \"b\" – ü' as text, date '2026-01-02' as day, null as nothing, 0.5::float as share"


def test_json_keeps_types(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", QUERY, "--format", "json"])

    assert json.loads(result.stdout) == [
        {"NUMBER": 1, "TEXT": 'a, "b" – ü', "DAY": "2026-01-02", "NOTHING": None, "SHARE": 0.5}
    ]


def test_csv_is_quoted_where_needed(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", QUERY, "--format", "csv"])

    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["NUMBER", "TEXT", "DAY", "NOTHING", "SHARE"],
        ["1", 'a, "b" – ü', "2026-01-02", "", "0.5"],
    ]


def test_a_table_is_the_default(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select 'here' as place"])

    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == ["PLACE", "─────", "here"]
    assert result.stderr == "1 row\n"


def test_columns_are_named_as_snowflake_names_them(run: CliRunner) -> None:
    rows = "with a as (select 1 as x, 'b' as \"Mixed\")"
    asked = f'{rows} select count(*), max(x), x + 1, "Mixed", x y, x from a group by all'

    result = run.invoke(main, ["sql", asked, "--format", "csv"])

    assert result.stdout.splitlines()[0] == "COUNT(*),MAX(X),X + 1,Mixed,Y,X"


def test_limit_gives_the_first_rows(run: CliRunner) -> None:
    asked = "select seq4() as n from table(generator(rowcount => 10)) order by 1"

    result = run.invoke(main, ["sql", asked, "--limit", "3", "--format", "csv"])

    assert result.stdout.split() == ["N", "0", "1", "2"]


def test_a_wide_table_in_a_pipe_is_never_cut(run: CliRunner) -> None:
    names = [f"a_rather_long_name_of_a_column_{number}" for number in range(12)]
    values = ["x" * 300 for _ in names]
    selected = ", ".join(f"'{value}' as {name}" for name, value in zip(names, values, strict=True))

    result = run.invoke(main, ["sql", f"select {selected}"])

    header, _, row = result.stdout.splitlines()
    assert header.split() == [name.upper() for name in names]
    assert row.split() == values


@pytest.mark.parametrize(
    "statement",
    [
        "delete from lake.songs",
        "drop table lake.songs",
        "create table x (a int)",
        "with a as (select 1) insert into lake.songs select * from a",
    ],
)
def test_changing_anything_is_refused_in_one_sentence(run: CliRunner, statement: str) -> None:
    result = run.invoke(main, ["sql", statement])

    assert result.exit_code == 1
    assert "only reads" in result.stderr
    assert "Traceback" not in result.output


def test_two_statements_are_refused(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select 1; delete from lake.songs"])

    assert "Error: There are 2 statements.\n  Give one." in result.stderr


def test_a_mistake_in_the_query_ends_in_one_sentence(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select nonsense from lake.nothing"])

    assert result.exit_code == 1
    assert "could not run" in result.stderr
    assert "Traceback" not in result.output


def test_a_statement_may_begin_with_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path))

    asked = CliRunner().invoke(main, ["sql", "-- the answer\nselect 42 as a", "--format", "csv"])
    refused = CliRunner().invoke(main, ["sql", "-- only looking\nselect * into t from lake.songs"])

    assert asked.stdout == "A\n42\n", asked.output
    assert refused.exit_code == 1
    assert "INTO inside a query is not run here" in refused.stderr
