"""`spotify-assets sql --on athena`, as typed."""

from __future__ import annotations

import datetime as dt

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.resources.athena import AthenaResult

SQL = "select day, count(*) as entries from playlist_items group by day"


def test_the_rows_are_printed_and_what_it_cost_goes_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answered(_: object, sql: str) -> AthenaResult:
        asked.append(sql)
        day = dt.date(2026, 11, 21)
        return AthenaResult("id", ("day", "entries"), [(day, 100)], 10_485_760, 1.5, 0.00005, "https://console")

    monkeypatch.setattr("spotify_assets.resources.athena.run_query", answered)
    result = CliRunner().invoke(main, ["sql", "--on", "athena", "--format", "csv", SQL])
    assert (result.exit_code, asked) == (0, [SQL])
    assert result.stdout == "day,entries\n2026-11-21,100\n"
    assert "Athena scanned 10,485,760 bytes in 1.5 s" in result.stderr


def test_a_local_lake_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKE_URL", raising=False)
    result = CliRunner().invoke(main, ["sql", "--on", "athena", SQL])
    assert result.exit_code == 1
    assert "Set LAKE_URL to s3://bucket/prefix, GLUE_DATABASE and ATHENA_WORKGROUP" in result.stderr


def test_a_statement_that_writes_never_reaches_athena(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spotify_assets.resources.athena.run_query", lambda *_: pytest.fail("it was sent"))
    result = CliRunner().invoke(main, ["sql", "--on", "athena", "drop table songs"])
    assert "only reads" in result.stderr
