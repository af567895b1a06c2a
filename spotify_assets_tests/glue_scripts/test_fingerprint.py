"""What changes rows changes the fingerprint, and nothing else does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glue_scripts.contract import LAKE_TABLES, Table
from glue_scripts.fingerprint import fingerprint, transformation

CODE = "def f():\n    return 1\n"
SONGS = LAKE_TABLES["songs"]


@pytest.fixture
def of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The fingerprint of a package whose two files hold these texts, and of these tables."""
    package = tmp_path / "fingerprinted"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "fingerprinted", raising=False)

    def made(one: str, other: str = CODE, *tables: Table) -> str:
        (package / "one.py").write_text(one)
        (package / "other.py").write_text(other)
        return fingerprint("fingerprinted", ("one.py", "other.py"), tables)

    return made


def test_comments_and_blank_lines_do_not_count(of: Callable[..., str]) -> None:
    assert of("# why\n\ndef f():  \n    # because\n    return 1") == of(CODE)


@pytest.mark.parametrize("other", ["def f():\n    return 2\n", "def f():\n  return 1\n", "", "def f(): return 1"])
def test_any_other_text_in_any_file_does(of: Callable[..., str], other: str) -> None:
    assert len({of(CODE), of(other), of(CODE, other)}) == 3


def test_a_tables_columns_count_without_their_descriptions(of: Callable[..., str]) -> None:
    name, *others = SONGS.columns

    def with_first(**changes: object) -> str:
        return of(CODE, CODE, replace(SONGS, columns=(replace(name, **changes), *others)))

    assert with_first(description="something else") == of(CODE, CODE, SONGS)
    assert with_first(nullable=not name.nullable) != of(CODE, CODE, SONGS) != with_first(name="other")
    assert of(CODE, CODE, SONGS) != of(CODE)


def test_it_is_twelve_hexadecimal_digits() -> None:
    assert len(transformation()) == 12
    assert int(transformation(), 16)
