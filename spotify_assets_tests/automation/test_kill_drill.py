"""kill -9 at random moments of adopting, transforming, committing, loading and vacuuming changes nothing in the end."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from glue_scripts.contract import LAKE_TABLES, all_tables
from spotify_assets.lake import layout, state
from spotify_assets.resources.root import warehouse_resource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.killed_line import drop, settings_of, work
from spotify_assets_tests.lakes import rows

# A server that has imported everything forks the processes, so that a kill costs no start-up.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "spotify_assets.definitions",
        "spotify_assets.local.runs",
        "spotify_assets.local.updating",
        "fakesnow.instance",
        "plotly",
    ]
)


def start(home: Path, whole: bool) -> BaseProcess:
    process = SERVER.Process(target=work, args=(str(home), whole))
    process.start()
    return process


def finish(home: Path, whole: bool) -> float:
    """Work without a disturbance; seconds it took."""
    started = time.monotonic()
    process = start(home, whole)
    process.join(300)
    assert process.exitcode == 0
    return time.monotonic() - started


def readable(home: Path, whole: bool) -> dict[str, object]:
    """Everything somebody could read, without what differs between two runs of the same: run ids, file tags, times."""
    settings = settings_of(home)
    store = ObjectStore.open(settings.lake)
    commits = state.read_commits(store, state.committed_days(store))
    warehouse = warehouse_resource(settings)
    found: dict[str, object] = {
        f"lake/{table}": {day: rows(store, commit, table) for day, commit in commits.items()} for table in LAKE_TABLES
    }
    for layer, table in all_tables():
        if not whole and layer != "lake":
            continue
        frame = warehouse.query(f"select * from {layer}.{table.name}")
        plain = frame.drop(columns=[name for name in ("run_id", "loaded_at") if name in frame.columns])
        found[f"{layer}.{table.name}"] = sorted(map(str, plain.itertuples(index=False)))
    found["sources"] = {day: [source.key for source in commit.sources] for day, commit in commits.items()}
    found["quarantined"] = {day: commit.quarantined for day, commit in commits.items()}
    for prefix in ("landing/to_be_processed/", "landing/processed/", "landing/rejected/"):
        found[prefix] = sorted(found.size for found in store.list(prefix) if not found.key.endswith(".reason.json"))
    return found


def unnamed(home: Path) -> list[str]:
    """Data files of committed dates that no commit names; the last vacuum has to have taken them."""
    store = ObjectStore.open(settings_of(home).lake)
    commits = state.read_commits(store, state.committed_days(store))
    named = {key for commit in commits.values() for table in LAKE_TABLES for key in commit.file_keys(table)}
    return [
        found.key
        for found in store.list(layout.TABLES_PREFIX)
        if layout.parse_data_key(found.key) and found.key not in named
    ]


def kill_again_and_again(home: Path, kills: int, seed: int, *, whole: bool) -> None:
    """A round's work is killed at a random moment, and so on; then one run is let through."""
    chance = random.Random(seed)
    drop(home, 0)
    longest = finish(home, whole)
    for number in range(1, kills + 1):
        drop(home, number)
        process = start(home, whole)
        process.join(chance.uniform(0, longest * 0.9))
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGKILL)
        process.join(60)
    finish(home, whole)


def drill(folder: Path, kills: int, seed: int, *, whole: bool) -> tuple[dict[str, object], dict[str, object]]:
    """(what the killed line left in the end, what an undisturbed one leaves); working again must change nothing."""
    killed, undisturbed = folder / "killed", folder / "undisturbed"
    kill_again_and_again(killed, kills, seed, whole=whole)
    for number in range(kills + 1):
        drop(undisturbed, number)
    finish(undisturbed, whole)
    found, wanted = readable(killed, whole), readable(undisturbed, whole)
    assert unnamed(killed) == []
    finish(killed, whole)
    assert readable(killed, whole) == found, "working again changed something"
    return found, wanted


@pytest.mark.slow
def test_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(tmp_path: Path) -> None:
    found, wanted = drill(tmp_path, kills=2, seed=20261121, whole=False)
    assert found == wanted


@pytest.mark.soak
@pytest.mark.parametrize("whole", [False, True], ids=["lake and loads", "the whole line through Dagster"])
def test_fifty_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(tmp_path: Path, whole: bool) -> None:
    found, wanted = drill(tmp_path, kills=50, seed=5, whole=whole)
    assert found == wanted
