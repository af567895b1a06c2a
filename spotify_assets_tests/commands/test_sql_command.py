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
        {"number": 1, "text": 'a, "b" – ü', "day": "2026-01-02", "nothing": None, "share": 0.5}
    ]


def test_csv_is_quoted_where_needed(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", QUERY, "--format", "csv"])

    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["number", "text", "day", "nothing", "share"],
        ["1", 'a, "b" – ü', "2026-01-02", "", "0.5"],
    ]


def test_a_table_is_the_default(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select 'here' as place"])

    assert result.exit_code == 0
    assert "place" in result.stdout
    assert "here" in result.stdout
    assert "1 row" in result.stderr


@pytest.mark.parametrize("statement", ["delete from lake.songs", "drop table lake.songs", "create table x (a int)"])
def test_changing_anything_is_refused_in_one_sentence(run: CliRunner, statement: str) -> None:
    result = run.invoke(main, ["sql", statement])

    assert result.exit_code == 1
    assert "only reads" in result.stderr
    assert "Traceback" not in result.output


def test_two_statements_are_refused(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select 1; delete from lake.songs"])

    assert "Give one statement, not 2." in result.stderr


def test_a_mistake_in_the_query_ends_in_one_sentence(run: CliRunner) -> None:
    result = run.invoke(main, ["sql", "select nonsense from lake.nothing"])

    assert result.exit_code == 1
    assert "could not run" in result.stderr
    assert "Traceback" not in result.output
