"""A 90-day backfill of the lake in one run, beside single-day runs of the same assets, a year of weekly snapshots in
one `build` beside as many consecutive dates, and loading the definitions.

Every run is a process of its own, as Dagster's launchers start them. Of the 90 single-day runs three are measured and
their median taken 90 times.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench_growth import build
from benchmarks.measure import Measured, report
from benchmarks.raw_lakes import write_raw_lake
from spotify_assets.local.instance import dagster_home
from spotify_assets.settings import load_settings

DAYS = 90
WEEKS = 52
SAMPLED = 3
IMPORTS = 7


def main() -> None:
    """Backfill 90 days of two playlists of 100 entries; load the definitions beside `import dagster`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        days = write_raw_lake(home / "lake", objects=2 * DAYS, entries=100, days=DAYS)
        settings = load_settings({}, {"SPOTIFY_ASSETS_HOME": str(home)})
        environment = {**os.environ, "SPOTIFY_ASSETS_HOME": str(home), "DAGSTER_HOME": str(dagster_home(settings))}
        singles = sorted(
            (_materialize(environment, "--partition", str(day)) for day in days[:SAMPLED]), key=lambda one: one.seconds
        )
        single = singles[SAMPLED // 2]
        backfill = _materialize(environment, "--partition-range", f"{days[0]}...{days[-1]}")
        report(
            f"backfill of {DAYS} days in one run",
            backfill,
            [(f"{DAYS} single-day runs", Measured(single.seconds * DAYS, single.peak_mib))],
        )
    weekly()
    loading, importing = _alternating("import spotify_assets.definitions", "import dagster")
    report("loading the definitions", loading, [("import dagster", importing)])


def weekly() -> None:
    """CPU seconds of `spotify-assets build` for 52 dates a week apart, and for 52 dates in a row."""
    used = {}
    for apart in (1, 7):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            write_raw_lake(home / "lake", objects=WEEKS, entries=100, days=WEEKS, apart=apart)
            used[apart] = build(home)
    report(
        f"build of {WEEKS} dates a week apart (CPU)",
        Measured(used[7].cpu, used[7].peak_mib),
        [(f"{WEEKS} dates in a row", Measured(used[1].cpu, used[1].peak_mib))],
    )


def _materialize(environment: dict[str, str], *partitions: str) -> Measured:
    command = [
        "-m",
        "dagster",
        "asset",
        "materialize",
        "-m",
        "spotify_assets.definitions",
        "--select",
        'key:"lake/*"',
        *partitions,
    ]
    return _timed([sys.executable, "-W", "ignore", *command], environment)


def _alternating(*statements: str) -> list[Measured]:
    """The median of each statement in a Python of its own, taken in turns so that all meet the same machine."""
    rounds = [
        [_timed([sys.executable, "-W", "ignore", "-c", statement], dict(os.environ)) for statement in statements]
        for _ in range(IMPORTS)
    ]
    return [sorted(times, key=lambda one: one.seconds)[IMPORTS // 2] for times in zip(*rounds, strict=True)]


def _timed(command: list[str], environment: dict[str, str]) -> Measured:
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return Measured(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
