"""Parts of other libraries that we replace or subclass though they are private: each test fails when that can end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Any]:
    """A cursor of fakesnow as it is."""
    from fakesnow.instance import FakeSnow

    instance = FakeSnow(db_path=tmp_path)
    connection = instance.connect("SPOTIFY_ASSETS", "LAKE")
    yield connection.cursor()
    connection.close()
    instance.duck_conn.close()


def test_dagster_still_stores_the_events_of_a_batch_one_by_one_on_sqlite() -> None:
    """When its SQLite storage writes batches itself: drop local/event_log.py, and ADR 5 is superseded."""
    stores = {cls for cls in SqliteEventLogStorage.__mro__ if "store_event_batch" in vars(cls)}
    assert stores <= {EventLogStorage, SqlEventLogStorage}, f"stored in batches by {stores}"


@pytest.mark.parametrize(
    "method",
    [
        "prepare_insert_event_batch",
        "prepare_insert_event",
        "_store_asset_event_tags",
        "_store_asset_event",
        "_connect",
        "_initdb",
        "conn_string_for_shard",
    ],
)
def test_dagsters_sqlite_storage_still_has_the_parts_that_ours_is_made_of(method: str) -> None:
    """When a part is gone: read the new class before local/event_log.py is mended."""
    assert callable(getattr(SqliteEventLogStorage, method))


def test_fakesnow_still_cannot_merge_in_a_transaction_that_writes(plain: Any) -> None:
    """When it can: drop the cursor of resources/warehouse_embedded.py together with the next test's reason."""
    plain.execute("CREATE TABLE LAKE.T (id INT, n INT)")
    plain.execute("BEGIN")
    plain.execute("INSERT INTO LAKE.T VALUES (1, 1)")
    with pytest.raises(Exception, match=r"(?i)transaction"):
        plain.execute(
            "MERGE INTO LAKE.T AS t USING (SELECT 1 AS id, 2 AS n) AS s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)"
        )


def test_fakesnow_still_cannot_take_a_comment_with_an_apostrophe(plain: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)syntax|parser"):
        plain.execute("CREATE TABLE LAKE.T (id INT) COMMENT = 'the list''s'")


def test_fakesnow_still_cannot_open_a_folder_with_an_apostrophe(tmp_path: Path) -> None:
    """When it can: `_attach` of resources/warehouse_embedded.py can go."""
    from fakesnow.instance import FakeSnow

    folder = tmp_path / "Ann's"
    folder.mkdir()
    instance = FakeSnow(db_path=folder)
    with pytest.raises(Exception, match=r"(?i)syntax|parser"):
        instance.connect("SPOTIFY_ASSETS", "LAKE")
    instance.duck_conn.close()
