"""sqlfluff as a second parser of every statement: sqlglot keeps account-level ones as plain commands."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from spotify_assets.warehouse import environments
from spotify_assets_tests.warehouse.test_statements import all_statements, kind

if TYPE_CHECKING:
    from sqlfluff.core import Linter

STATEMENTS = list(
    dict.fromkeys([*(statement for statement, _ in all_statements()), *environments.copied_statements(["SONGS"])])
)


@cache
def linter() -> Linter:
    from sqlfluff.core import FluffConfig, Linter

    return Linter(config=FluffConfig(overrides={"dialect": "snowflake", "use_rust_parser": "auto"}))


def faults(statement: str) -> list[str]:
    """What sqlfluff can't read; bound parameters stand as numbers, since `?` is the driver's."""
    parsed = linter().parse_string(re.sub(r"\?", "1", statement) + ";\n")
    return [str(fault) for fault in parsed.violations]


@pytest.mark.parametrize("sort", sorted({kind(statement) for statement in STATEMENTS}))
def test_every_statement_parses_in_sqlfluffs_snowflake_dialect(sort: str) -> None:
    assert {statement: why for statement in STATEMENTS if kind(statement) == sort and (why := faults(statement))} == {}


def test_it_would_notice() -> None:
    assert faults("CREATE PIPE p AUTO_INGEST TRUE AS COPY t") != []
    assert faults("GRANT SELECT TABLE t TO ROLE r") != []
