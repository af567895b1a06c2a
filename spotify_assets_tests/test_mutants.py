"""The mutants of `make mutants` fit the code as it is: a mutant that no longer applies would prove nothing."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spotify_assets_tests import mutants, mutating
from spotify_assets_tests.choosing import Profile, lines_run
from spotify_assets_tests.mutant_lists import EQUIVALENT, NAMED, TARGETS, WITH_SPARK, Mutant, is_equivalent
from spotify_assets_tests.mutant_table import HEAD, Row, rows, summed, with_row
from spotify_assets_tests.mutants import PAGE, ROOT, completed, printed
from spotify_assets_tests.mutating import Change, changes


@pytest.mark.parametrize("mutant", NAMED, ids=lambda mutant: mutant.what)
def test_what_a_mutant_changes_stands_once_in_its_file(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text(encoding="utf-8").count(mutant.was) == 1
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


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


@pytest.mark.parametrize(("module", "was", "becomes"), EQUIVALENT)
def test_what_is_listed_as_equivalent_stands_in_its_module(module: str, was: str, becomes: str | None) -> None:
    """A line that changed since may be something else now; without it, `make mutants` would count what is not made."""
    assert was in map(str.strip, (ROOT / module).read_text(encoding="utf-8").splitlines())
    assert is_equivalent(module, Change("", 1, was, becomes or "anything"))
    assert not is_equivalent(module, Change("", 1, f"{was} ", becomes or "anything"))


def test_survivors_are_read_back_from_what_was_printed() -> None:
    log = "a.py: 1 of 2 killed\nb.py:7\n    - x = 1\n    + x = 2\nb.py:9\n    - \n    + def f():\n"

    assert printed(log) == {("b.py", "x = 1", "x = 2"), ("b.py", "", "def f():")}


def test_every_part_is_on_the_page_nine_of_ten_are_killed_and_nothing_survives_unlisted() -> None:
    parts = rows(PAGE.read_text(encoding="utf-8"))

    assert [row.part for row in parts] == [*TARGETS], "run `make mutants` over the part that has no row"
    assert all(row.killed + row.equivalent == row.mutants for row in parts), "a survivor that is not listed"
    assert summed(parts).killed >= 0.9 * summed(parts).mutants


def test_a_run_over_a_part_changes_its_row_and_the_sum() -> None:
    row = Row("b.py", 10, 8, 1, 1, 0.25, "2026-11-26")
    page = with_row(with_row(f"before\n\n{HEAD}\nafter\n", replace(row, part="c.py"), ("c.py",)), row, ("b.py", "c.py"))

    again = with_row(page, replace(row, killed=9, survived=0, minutes=2, on="2026-11-27"), ("a.py", "b.py", "c.py"))

    assert again == (
        f"before\n\n{HEAD}"
        "| `b.py` | 10 | 9 | 1 | 0 | 2.0 | 2026-11-27 |\n"
        "| `c.py` | 10 | 8 | 1 | 1 | 0.2 | 2026-11-26 |\n"
        "| `all` | 20 | 17 | 2 | 1 | 2.2 | 2026-11-26 |\n"
        "\nafter\n"
    )
    assert {*TARGETS} > WITH_SPARK


def test_what_survived_an_earlier_run_completes_its_row() -> None:
    log = "a/x.py: 1 of 2 killed, 0 equivalent, 1 survived\na/*.py: 0.5 CPU minutes\n99% of 2 mutants killed\n"
    again = Row("a/*.py", 1, 1, 0, 0, 0.25, "2026-11-26")
    mutants = [Change("", 1, "x = 1", "x = 2"), Change("", 1, "x = 1", "x = 0")]

    assert completed(again, {"a/x.py": mutants, "a/none.py": []}, log) == Row("a/*.py", 2, 2, 0, 0, 0.75, "2026-11-26")
    assert completed(again, {"a/x.py": mutants[:1]}, log) is None, "the code is another"
    assert completed(again, {"a/x.py": mutants, "a/y.py": mutants}, log) is None


LESS = ("more.py", "return a + a", "return a - a")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another project that `make mutants` is for: a module of which one mutant is made, and its page."""
    (tmp_path / "spotify_assets_tests").mkdir()
    (tmp_path / "more.py").write_text("def more(a):\n    return a + a\n", encoding="utf-8")
    (tmp_path / "page.md").write_text(HEAD, encoding="utf-8")
    for name, value in {
        "ROOT": tmp_path,
        "PAGE": tmp_path / "page.md",
        "TARGETS": {"more.py": ("test_more.py",)},
        "NAMED": (),
    }.items():
        monkeypatch.setattr(mutants, name, value)
    monkeypatch.setattr(mutating, "import_libraries", lambda: None)
    return tmp_path


def commit_test(project: Path, test: str) -> None:
    """Commit the module's one test."""
    whole = f"from more import more\n\ndef test_more():\n    {test}\n"
    (project / "spotify_assets_tests" / "test_more.py").write_text(whole, encoding="utf-8")
    for step in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", "-C", project, *step], check=True)


@pytest.mark.parametrize(
    ("test", "listed", "code", "row"),
    [
        ("assert more(1) == 2", {}, 0, "| `more.py` | 1 | 1 | 0 | 0 |"),
        ("assert more(0) == 0", {}, 1, "| `more.py` | 1 | 0 | 0 | 1 |"),
        ("assert more(0) == 0", {LESS: "of nothing"}, 0, "| `more.py` | 1 | 0 | 1 | 0 |"),
    ],
    ids=["it is killed", "it survives", "it survives and is listed"],
)
def test_a_whole_run_writes_its_row_and_ends_with_1_where_something_survives_unlisted(
    project: Path, monkeypatch: pytest.MonkeyPatch, test: str, listed: dict[Any, str], code: int, row: str
) -> None:
    for mutant, reason in listed.items():
        monkeypatch.setitem(EQUIVALENT, mutant, reason)
    commit_test(project, test)

    assert mutants.main([]) == code
    assert row in (project / "page.md").read_text(encoding="utf-8")


def test_a_named_mutant_that_survives_ends_the_run_with_1(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "spotify_assets_tests/test_more.py"
    monkeypatch.setattr(mutants, "NAMED", [Mutant("more is less", "more.py", "a + a", "a - a", (file,))])
    commit_test(project, "assert more(0) == 0")

    assert mutants.main(["named"]) == 1


def test_a_mutant_under_which_no_test_is_left_to_run_is_not_noticed(project: Path) -> None:
    commit_test(project, "assert more(1) == 2")

    changed, gone = "def more(a):\n    return 0\n", "spotify_assets_tests/test_more.py::test_more[of old]"

    assert mutating.noticed(project, "more.py", changed, {gone: 9}) is None


def test_a_mutant_that_never_ends_is_noticed_by_the_test_that_waits_for_it(project: Path) -> None:
    """Of all the tests that it would be shown to, the patience of this one is what it costs."""
    commit_test(project, "assert more(1) == 2")
    test = "spotify_assets_tests/test_more.py::test_more"
    endless = "def more(a):\n    while True:\n        pass\n"

    assert mutating.noticed(project, "more.py", endless, {"another": 60, test: 0.1}) == test


STATEMENTS = """
import functools

A = 1

@functools.cache
def f(
    x=2,
):
    for y in (
        x,
    ):
        print(
            y
        )
    try:
        return 1
    except (ValueError, TypeError):
        return 2
"""


@pytest.mark.parametrize(
    ("line", "lines"),
    [(4, None), (6, None), (8, None), (11, range(10, 13)), (14, range(13, 16)), (18, range(18, 19))],
    ids=["a constant", "a decorator", "a default", "the head of a loop", "a statement", "what is caught"],
)
def test_a_line_is_run_with_its_statement(tmp_path: Path, line: int, lines: range | None) -> None:
    module = tmp_path / "module.py"
    module.write_text(STATEMENTS)

    assert lines_run(module, line) == lines


def test_a_mutant_is_shown_to_the_tests_that_run_its_line_the_quickest_first() -> None:
    profile = Profile({"slow": 2.0, "quick": 1.0, "other": 0.1}, {3: ["slow", "quick"], 4: ["other"], 5: [""]})

    assert profile.of(range(3, 4)) == ["quick", "slow"]
    assert profile.of(range(5, 6)) == profile.of(None) == ["other", "quick", "slow"]
    assert profile.of(range(9, 10)) == []
