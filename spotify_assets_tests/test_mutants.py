"""The mutants of `make mutants` fit the code as it is: a mutant that no longer applies would prove nothing."""

from __future__ import annotations

import pytest

from spotify_assets_tests.mutants import NAMED, ROOT, TARGETS, Mutant


@pytest.mark.parametrize("mutant", NAMED, ids=lambda mutant: mutant.what)
def test_what_a_mutant_changes_stands_once_in_its_file(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.was) == 1
    assert all((ROOT / test.partition("::")[0]).is_file() for test in mutant.tests)


@pytest.mark.parametrize("module", TARGETS)
def test_a_module_and_its_own_tests_are_there(module: str) -> None:
    assert (ROOT / module).is_file()
    assert all((ROOT / "spotify_assets_tests" / test).exists() for test in TARGETS[module])
