"""sqlfluff as a second parser of every statement: sqlglot keeps account-level ones as plain commands."""

from __future__ import annotations

import re

import pytest
from sqlfluff.core import FluffConfig, Linter

from spotify_assets.warehouse import environments
from spotify_assets_tests.warehouse.test_statements import all_statements, kind

LINTER = Linter(config=FluffConfig(overrides={"dialect": "snowflake"}))
STATEMENTS = list(
    dict.fromkeys([*(statement for statement, _ in all_statements()), *environments.copied_statements(["SONGS"])])
)


def faults(statement: str) -> list[str]:
    """What sqlfluff can't read; bound parameters stand as numbers, since `?` is the driver's."""
    parsed = LINTER.parse_string(re.sub(r"\?", "1", statement) + ";\n")
    return [str(fault) for fault in parsed.violations]


@pytest.mark.parametrize("sort", sorted({kind(statement) for statement in STATEMENTS}))
def test_every_statement_parses_in_sqlfluffs_snowflake_dialect(sort: str) -> None:
    assert {statement: why for statement in STATEMENTS if kind(statement) == sort and (why := faults(statement))} == {}


def test_it_would_notice() -> None:
    assert faults("CREATE PIPE p AUTO_INGEST TRUE AS COPY t") != []
    assert faults("GRANT SELECT TABLE t TO ROLE r") != []
