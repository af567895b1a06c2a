"""The contract: which tables there are, and what holds for each."""

from __future__ import annotations

from collections import Counter

import pytest

from glue_scripts.contract import LAKE_TABLES, Table, all_tables

TABLES = [pytest.param(layer, table, id=f"{layer}.{table.name}") for layer, table in all_tables()]


def test_there_are_seven_tables_of_the_lake_six_dimensions_and_twelve_marts() -> None:
    assert Counter(layer for layer, _ in all_tables()) == {"lake": 7, "spotify": 6, "analytics": 12}


@pytest.mark.parametrize(("layer", "table"), TABLES)
def test_a_key_is_of_columns_that_are_always_filled(layer: str, table: Table) -> None:
    columns = {column.name: column for column in table.columns}

    assert table.key
    assert {name for name in table.key if columns[name].nullable} <= {"release_year"}, "of an unknown year is a row too"
    assert ("run_id" in columns) == (layer == "lake")
    assert ("first_seen_on" in columns) == (layer == "spotify")
    assert len(columns) == len(table.columns)


@pytest.mark.parametrize("table", LAKE_TABLES.values(), ids=lambda table: table.name)
def test_what_a_column_refers_to_is_the_key_of_the_other_table(table: Table) -> None:
    columns = {column.name: column for column in table.columns}
    for reference in table.references:
        other = LAKE_TABLES[reference.table]
        assert ("snapshot_date", *reference.target_columns) == other.key
        kinds = {column.name: column.type for column in other.columns}
        assert [columns[name].type for name in reference.columns] == [kinds[name] for name in reference.target_columns]
