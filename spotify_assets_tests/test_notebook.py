"""The documented start of a notebook: tables and queries as frames, reading only."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from spotify_assets import notebook
from spotify_assets.failures import PermanentError
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse.session import Session

PAGE = (Path(__file__).parents[1] / "docs" / "notebooks.md").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, whose warehouse has two rows of one mart."""
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def fill(session: Session) -> None:
        session.execute("create schema if not exists analytics")
        session.execute(
            "create table analytics.song_runs (song_name varchar, first_on date, longest_run int, best_position int)"
        )
        session.execute(
            "insert into analytics.song_runs values ('[live]', '2026-01-02', 3, null), ('b', '2026-01-01', 5, 7)"
        )

    EmbeddedWarehouse(folder=str(tmp_path / "home" / "warehouse"), database="SPOTIFY_ASSETS").run(fill)
    return tmp_path


def test_the_pages_example_runs(home: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, pd.DataFrame] = {}

    exec(block, names)

    assert len([line for line in block.splitlines() if line.strip()]) == 3
    assert len(names["runs"]) == 2
    assert list(names["top"]["song_name"]) == ["b", "[live]"]


def test_types_are_those_that_pandas_plots_and_joins_by(home: Path) -> None:
    frame = notebook.table("analytics.song_runs").sort_values("first_on")

    assert list(frame.columns) == ["song_name", "first_on", "longest_run", "best_position"]
    assert pd.api.types.is_datetime64_any_dtype(frame["first_on"])
    assert [str(frame[name].dtype) for name in ("longest_run", "best_position")] == ["Int64", "Int64"]
    assert frame["best_position"].isna().tolist() == [False, True]


def test_nothing_can_be_changed(home: Path) -> None:
    with pytest.raises(PermanentError, match="only reads"):
        notebook.sql("delete from analytics.song_runs")


def test_a_table_that_there_is_not_is_told_with_those_that_are_near() -> None:
    with pytest.raises(PermanentError, match=r"use lake\.songs or spotify\.songs"):
        notebook.table("songs")
