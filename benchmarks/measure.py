"""What the benchmarks share: timing in a process of its own, and one way to print a ratio."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Median wall time in seconds, and the peak memory of the process in MiB."""

    seconds: float
    peak_mib: float


def in_own_process(work: Callable[[], object], *, times: int = 1, warm: Callable[[], object] | None = None) -> Measured:
    """Run `work` `times` times in a fresh process, after `warm`; imports and JVM starts in `warm` are not counted.

    Both must be picklable: module-level functions, or `functools.partial` of them with plain arguments.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, work, times, warm).result()


def _measure(work: Callable[[], object], times: int, warm: Callable[[], object] | None) -> Measured:
    if warm:
        warm()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return Measured(statistics.median(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def import_duckdb() -> None:
    """What warms a process that works with DuckDB."""
    import duckdb  # noqa: F401


def report(what: str, measured: Measured, against: Sequence[tuple[str, Measured]] = ()) -> None:
    """Print one line for `what` and one per baseline with the ratio of the two times."""
    print(f"  {what:<58} {measured.seconds:8.3f} s {measured.peak_mib:7.0f} MiB")
    for name, baseline in against:
        ratio = measured.seconds / baseline.seconds
        print(f"    against {name:<48} {baseline.seconds:8.3f} s {baseline.peak_mib:7.0f} MiB   ratio {ratio:.2f}")
