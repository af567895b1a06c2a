"""A failed check says rule, count, rows that show it, and what to do: in the UI and on a terminal."""

from __future__ import annotations

import ast
from pathlib import Path

import dagster as dg
import pytest

import spotify_assets
from spotify_assets.assets.verdicts import Broken, cause, evaluation, told, verdict
from spotify_assets.local.runs import RunFailed
from spotify_assets_tests.checks.test_lake import DAY, committed, damage
from spotify_assets_tests.line import new_home

PACKAGE = Path(spotify_assets.__file__).parent
KEY = dg.AssetKey("songs")


def test_it_names_rule_count_three_rows_and_remedy() -> None:
    broken = [Broken("song_id is unique", 7, ["a", "b", "c", "d"]), Broken("name is filled", 1, ["e"])]
    result = verdict(broken, fine="fine", remedy="build again.", asset=KEY, name="rules")

    assert not result.passed
    assert told(evaluation(result)) == (
        "song_id is unique: broken by 7 rows, such as a; b; c; name is filled: broken by 1 rows: e. Build again."
    )
    assert cause(evaluation(result)).endswith("rows: e")
    assert result.metadata["broken"] == dg.MetadataValue.int(8)
    assert result.metadata["remedy"] == dg.MetadataValue.md("build again.")


def test_a_row_is_shown_as_it_is_and_never_as_markdown() -> None:
    result = verdict([Broken("names", 1, ["![x](http://evil)"])], fine="", remedy="none.", asset=KEY, name="names")
    assert "![" not in str(result.description)
    assert "![x](http://evil)" in told(evaluation(result))


def test_nothing_broken_passes_and_says_so() -> None:
    result = verdict([], fine="3 rows", remedy="none.", metadata={"rows": 3})
    assert (result.passed, result.description) == (True, "3 rows")
    assert set(result.metadata) == {"rows"}


def test_no_check_makes_its_result_by_hand() -> None:
    """Checks that failed used to say how many rows and no row, or rows and no remedy, each its own way."""
    made = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("dg.AssetCheckResult", "dg.AssetCheckEvaluation")
        and not any(each.arg == "passed" and ast.unparse(each.value).endswith(".passed") for each in node.keywords)
    }
    assert made == {"assets/verdicts.py"}


def test_a_build_prints_what_the_check_says_and_not_what_dagster_calls_it(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    damage(home.store, committed(home.store), "albums", "select * from t union all select * from t", tmp_path)

    with home.line() as line, pytest.raises(RunFailed) as failed:
        line.run("build_history", (DAY, DAY))

    said = str(failed.value)
    assert f"lake/albums: check contract_holds failed on {DAY}: " in said
    assert "album_id is unique: broken by 2 rows: 2026-01-01, " in said
    assert "spotify-assets build --from 2026-01-01 --to 2026-01-01" in said
    assert "dagster." not in said
    assert "Dagster" not in said
