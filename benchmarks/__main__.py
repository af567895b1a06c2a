"""`make bench`: every benchmark, or those named on the command line (`python -m benchmarks engine`).

`python -m benchmarks table` also writes them into docs/performance.md.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the benchmarks one after another."""
    found = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    table = sys.argv[1:2] == ["table"]
    names = sys.argv[2 if table else 1 :] or found
    if table:
        from benchmarks.table import main as write

        write(names)
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in names:
        print(f"\n{name}")
        importlib.import_module(f"benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main()
