"""What a run says on the command line beside that it went well."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import START, new_home
from spotify_assets_tests.reference_tables import Raw


def test_what_checks_warn_of_is_said_once_for_all_dates(tmp_path: Path) -> None:
    """A list that can't be read whole is no failure; whoever runs `build` must hear of it all the same."""
    home = new_home(tmp_path)
    for number, total in ((1, 1), (2, 9), (4, 9), (5, 9)):
        day = dt.date(2026, 1, number)
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day, total=total))

    environment = {"SPOTIFY_ASSETS_HOME": str(home.settings.home), "PARTITIONS_START": START}
    done = CliRunner().invoke(main, ["build"], env=environment)

    assert (done.exit_code, done.stdout) == (0, "Built and loaded 2026-01-01 to 2026-01-05\n")
    warnings = [line[line.index(" s  ") + 4 :] for line in done.stderr.splitlines() if " warns" in line]
    gaps, partial = sorted(warnings)
    assert gaps.startswith("lake/playlists: check has_snapshots warns: dates have snapshots: broken by 1 empty")
    assert "2026-01-03" in gaps
    assert partial.startswith("lake/playlists: check snapshots_are_complete warns on 2026-01-02 and 2 more dates: ")
    assert "1 of 9 entries" in partial
