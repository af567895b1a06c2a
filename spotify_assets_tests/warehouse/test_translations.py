"""What a statement was made into serves the same one about another number of dates, and says what fakesnow says."""

from __future__ import annotations

import pytest
from fakesnow.cursor import FakeSnowflakeCursor

from spotify_assets.resources import embedded_connection
from spotify_assets.resources.embedded_connection import Parts, Translations
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

pytestmark = pytest.mark.slow


class Compared(Translations):
    """Lets fakesnow translate each statement with a list anew, and compares."""

    def __init__(self, known: Translations) -> None:
        super().__init__()
        self._parts = known._parts.copy()
        self.expected: dict[str, Parts | None] = {}
        self.same = self.unknown = 0

    def find(self, place: str, statement: str) -> Parts | None:
        found = super().find(place, statement)
        if not embedded_connection._REPEATED.search(statement):
            return found
        self.expected[statement] = found
        return None

    def add(self, place: str, statement: str, parts: Parts) -> None:
        if found := self.expected.get(statement):
            assert found == parts, statement
            self.same += 1
        else:
            self.unknown += 1
            super().add(place, statement, parts)


def test_every_statement_is_translated_as_for_another_number_of_dates(
    warehouse: EmbeddedWarehouse, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Compared] = []
    for number, dates in enumerate(([0, 1], [1], [0, 1, 2])):
        steps.append(Compared(embedded_connection.TRANSLATIONS))
        monkeypatch.setattr(embedded_connection, "TRANSLATIONS", steps[-1])
        entries = {"P": "abc"[number % 2 :], "Q": "ab"}
        days = {day(on): commit_day(store, day(on), f"run-{number}", tables_of(entries, on=on)) for on in dates}
        load(warehouse, store, days)
        merge_all(warehouse)
        build_all(warehouse)
    assert [step.same > 30 for step in steps[1:]] == [True, True]
    assert steps[-1].unknown == 0


def test_a_list_of_any_length_is_known_once_one_is(
    warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_connection, "TRANSLATIONS", Translations())
    insert = "INSERT INTO LAKE.T (a, b) VALUES (?, ?)"
    select = "SELECT a FROM LAKE.T WHERE a IN ({}) AND b IN ({}) ORDER BY a"
    warehouse.execute("CREATE TABLE LAKE.T (a NUMBER(38,0), b NUMBER(38,0))")
    warehouse.execute(f"{insert}, (?, ?)", [1, 10, 2, 20])
    assert warehouse.execute(select.format("?, ?", "?"), [1, 2, 20]) == [(2,)]

    def unasked(*_: object, **__: object) -> None:
        raise AssertionError("fakesnow was asked")

    monkeypatch.setattr(FakeSnowflakeCursor, "execute", unasked)
    warehouse.execute(insert, [3, 30])
    warehouse.execute(f"{insert}, (?, ?), (?, ?)", [4, 40, 5, 50, 6, 60])
    assert warehouse.execute(select.format("?", "?, ?, ?"), [4, 30, 40, 50]) == [(4,)]
    assert warehouse.execute(select.format("?, ?, ?", "?, ?"), [1, 2, 3, 10, 30]) == [(1,), (3,)]


def test_a_translation_that_counts_otherwise_is_its_statements_alone() -> None:
    """As where fakesnow makes a list into something else, or needs it twice."""
    kept = Translations()
    for number, parts in enumerate(
        ([("SELECT a = ?", True)], [("SELECT a IN (?), b IN (?)", True)], [("SELECT a IN (?)", False)])
    ):
        kept.add("D", f"SELECT {number}, a IN (?)", parts)
        assert kept.find("D", f"SELECT {number}, a IN (?)") == parts
        assert kept.find("D", f"SELECT {number}, a IN (?, ?)") is None


def test_a_new_schema_does_not_move_the_connection(new_warehouse: EmbeddedWarehouse) -> None:
    """On Snowflake, and so in fakesnow, it becomes the current one, by which translations are kept."""

    def current() -> list[tuple[object, ...]]:
        return new_warehouse.run(
            lambda session: [
                *session.execute("SELECT CURRENT_SCHEMA()"),
                *session.execute("CREATE SCHEMA IF NOT EXISTS ANALYTICS")[:0],
                *session.execute("SELECT CURRENT_SCHEMA()"),
            ]
        )

    assert current() == [("LAKE",), ("LAKE",)]
