"""A backfill launched from the UI over dates without snapshots: it ends well, with everything after them computed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from glue_scripts.spans import days_between, iso_date
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import START, new_home
from spotify_assets_tests.reference_tables import Raw

LAST = "2026-01-05"


@pytest.mark.soak
def test_a_backfill_over_gaps_ends_well_and_computes_what_is_not_partitioned(tmp_path: Path) -> None:
    first, last = iso_date(START), iso_date(LAST)
    assert first
    assert last
    days = days_between(first, last)
    home = new_home(tmp_path / "home")
    for day in (days[0], days[2]):
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))

    answer = tmp_path / "answer.json"
    ran = subprocess.run(
        [sys.executable, "-m", "spotify_assets_tests.automation.backfill_over_gaps", START, LAST, str(answer)],
        env={**os.environ, "SPOTIFY_ASSETS_HOME": str(home.settings.home), "PARTITIONS_START": START},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(answer.read_text())
    assert found["errors"] == []
    assert found["status"] == "COMPLETED_SUCCESS"
    assert set(found["runs"]) == {"SUCCESS"}
    assert all(partitions == [day.isoformat() for day in days] for partitions in found["materialized"].values())
    assert found["computed"] == found["others"]
