"""After an import things just work: older dates have partitions, and what was not looked at is not up to date."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from spotify_assets.cli import main
from spotify_assets.lake import state
from spotify_assets.local.updating import why_nothing
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.commands.test_import import put
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import furnish
from spotify_assets_tests.reference_tables import Raw

START = dt.date(2026, 1, 1)


def run(home: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"SPOTIFY_ASSETS_HOME": str(home), **environment})


def test_dates_older_than_the_first_partition_are_built_when_the_lake_is_in_the_home(tmp_path: Path) -> None:
    """Building them ended in a traceback about an unknown partition."""
    home = tmp_path / "home"
    furnish(home)
    playlist = {"id": e.spotify_id("p"), "type": "playlist", "name": "P", "tracks": [e.entry(e.track("A"))]}
    imported = run(home, "import", str(put(tmp_path, "2024-03-01.json", playlist)))

    built = run(home, "build")

    assert "Next: spotify-assets build --from 2024-03-01 --to 2024-03-01" in imported.output
    assert "Built and loaded 2024-03-01" in built.output
    assert state.committed_days(ObjectStore.open((home / "lake").as_uri())) == [dt.date(2024, 3, 1)]


def test_elsewhere_one_sentence_names_the_variable_and_the_earliest_date_of_the_lake(
    tmp_path: Path, store: ObjectStore
) -> None:
    put_raw(store, Raw(e.spotify_id("p"), {}, [(0, [])], day=dt.date(2023, 5, 6)))
    playlist = {"id": e.spotify_id("p"), "type": "playlist", "tracks": [e.entry(e.track("A"))]}

    imported = run(tmp_path / "home", "import", str(put(tmp_path, "2024-03-01.json", playlist)), LAKE_URL=store.url())

    assert "set PARTITIONS_START=2023-05-06 before building" in imported.output
    assert why_nothing(store, START) == (
        "2 dates before 2026-01-01 were not looked at, for they have no partition: set PARTITIONS_START=2023-05-06, "
        "the lake's earliest date."
    )


def test_an_empty_lake_is_not_up_to_date(store: ObjectStore) -> None:
    assert "holds no snapshots: extract some, or run" in str(why_nothing(store, START))


@pytest.mark.parametrize(
    ("first", "last"),
    [(dt.date(2026, 2, 1), None), (None, dt.date(2026, 1, 5)), (dt.date(2026, 1, 11), dt.date(2026, 1, 12))],
)
def test_dates_that_the_lake_has_nothing_of_are_not_up_to_date(
    store: ObjectStore, first: dt.date | None, last: dt.date | None
) -> None:
    for day in (10, 20):
        put_raw(store, Raw(e.spotify_id("p"), {}, [(0, [])], day=dt.date(2026, 1, day)))

    said = why_nothing(store, START, first, last)

    assert said == "The lake holds no snapshots of these dates: its own are of 2026-01-10 to 2026-01-20."
    assert why_nothing(store, START) is None


def test_from_after_to_is_a_users_mistake(tmp_path: Path) -> None:
    result = run(tmp_path, "build", "--from", "2026-02-02", "--to", "2026-02-01")

    assert result.exit_code == 2
    assert "--from 2026-02-02 is after --to 2026-02-01." in result.output
