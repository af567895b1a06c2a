"""A build of 2,000,000 entries (20 dates of 1,000 playlists) beside one of 200,000, all of it: the lake's tables, the
embedded warehouse, the marts and the page. Wall time without start-up, and the process's peak of memory.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.bench_growth import build
from benchmarks.measure import Measured, report
from benchmarks.raw_lakes import write_raw_lake

PLAYLISTS, ENTRIES = 1_000, 100
FEW, MANY = 2, 20


def main() -> None:
    """Build both, each in a home and a process of its own."""
    few, many = (_built(days) for days in (FEW, MANY))
    report(f"build of {PLAYLISTS * ENTRIES * MANY:,} entries", many, [(f"{PLAYLISTS * ENTRIES * FEW:,}", few)])


def _built(days: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        write_raw_lake(Path(folder) / "lake", objects=PLAYLISTS * days, entries=ENTRIES, days=days)
        whole = build(Path(folder))
    return Measured(whole.wall, whole.peak_mib)


if __name__ == "__main__":
    main()
