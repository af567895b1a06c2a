"""The commands of docs/backfills.md name assets that exist, and ranges only for assets that take them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.cli import COMMANDS
from spotify_assets.definitions import build_defs
from spotify_assets.settings import load_settings

TEXT = (Path(__file__).parents[1] / "docs" / "backfills.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.strip()]
SELECTING = [line for line in LINES if "--assets" in line]


def test_there_are_commands_to_check() -> None:
    assert len(LINES) >= 6
    assert len(SELECTING) == 1


@pytest.mark.parametrize("line", SELECTING)
def test_a_selection_holds_assets_and_a_range_only_those_that_run_it_at_once(line: str) -> None:
    words = shlex.split(line)
    assert words[0] == ".venv/bin/dg", "Dagster's older commands are superseded"
    graph = build_defs(load_settings({})).resolve_asset_graph()
    keys = dg.AssetSelection.from_string(words[words.index("--assets") + 1]).resolve(graph)
    assert keys >= {dg.AssetKey(["lake", "songs"]), dg.AssetKey(["snowflake", "analytics", "song_runs"])}
    assert dg.AssetKey("dashboard") in keys
    # What Dagster asks of a range in one run, of every asset whether or not it has partitions.
    assert all(graph.get(key).backfill_policy == dg.BackfillPolicy.single_run() for key in keys)


@pytest.mark.parametrize("line", [line for line in LINES if "/spotify-assets " in line])
def test_a_command_of_ours_exists(line: str) -> None:
    name = re.search(r"/spotify-assets (\w+)", line)
    assert name
    assert name[1] in COMMANDS
