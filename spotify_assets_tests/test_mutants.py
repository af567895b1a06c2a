"""The mutants of `make mutants` fit the code as it is: a mutant that no longer applies would prove nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from spotify_assets_tests.mutants import NAMED, ROOT, TARGETS, Mutant
from spotify_assets_tests.mutating import changes


@pytest.mark.parametrize("mutant", NAMED, ids=lambda mutant: mutant.what)
def test_what_a_mutant_changes_stands_once_in_its_file(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.was) == 1
    assert all((ROOT / test.partition("::")[0]).is_file() for test in mutant.tests)


def test_sql_is_changed_in_strings_and_annotations_are_left_alone(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""select a where b is null"""\nx: int | None = 1\nS = f"select {x} where a = b and c is null"\n'
    )

    made = {change.becomes for make in changes(module) if (change := make())}

    assert 'S = f"select {x} where a <> b and c is null"' in made
    assert 'S = f"select {x} where a = b or c is null"' in made
    assert "x: int | None = 2" in made
    assert all("x: int | None = " in line or line.startswith("S = ") for line in made)


@pytest.mark.parametrize("pattern", TARGETS)
def test_a_module_and_its_own_tests_are_there(pattern: str) -> None:
    assert list(ROOT.glob(pattern))
    assert all((ROOT / "spotify_assets_tests" / test).exists() for test in TARGETS[pattern])
