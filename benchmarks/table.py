"""`python -m benchmarks table [NAME…]`: run benchmarks, and write what they print into docs/performance.md as tables.

A benchmark that is not run keeps the table it has. Each says where and when it was measured: figures of another
machine, or of one that was busy, are no worse and no better than these, but not comparable.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import io
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
HEADING = "## Measured"


def conditions(load_before: float) -> str:
    """Where, when and beside what: the load is the machine's of the last minute, before and after."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, load {load_before:.1f} before and {os.getloadavg()[0]:.1f} after."
    )


def section(name: str, printed: str, where: str) -> str:
    """The table of one benchmark: a row for each line it printed, indented where it is a baseline of the one before."""
    rows = []
    for line in filter(str.strip, printed.splitlines()):
        what, *figures = re.split(r"\s{2,}", line.strip())
        what = f"– {what}" if line.startswith("    ") else what
        rows.append(f"| {what} | {' · '.join(figures)} |".replace("|  |", "| |"))
    return "\n".join([f"### {name}", "", where, "", "| what | figures |", "|---|---|", *rows, ""])


def replaced(page: str, name: str, new: str) -> str:
    """The page with `new` in place of the benchmark's table, or with it among the others."""
    before, heading, rest = page.partition(f"{HEADING}\n")
    if not heading:
        before, rest = (
            f"{page.rstrip()}\n\n",
            "\nBy `python -m benchmarks table`. Ratios travel between machines, seconds don't.\n",
        )
    intro, *sections = re.split(r"(?m)^(?=### )", rest)
    named = {part.split("\n", 1)[0].removeprefix("### ").strip(): part.strip() + "\n" for part in sections}
    named[name] = new
    return f"{before}{HEADING}\n{intro.rstrip()}\n\n" + "\n".join(named[each] for each in sorted(named))


def main(names: Sequence[str]) -> None:
    """Run them one after another; each table is written as soon as it is there."""
    for name in names:
        load, printed = os.getloadavg()[0], io.StringIO()
        with contextlib.redirect_stdout(printed):
            importlib.import_module(f"benchmarks.bench_{name}").main()
        print(f"{name}\n{printed.getvalue()}")
        new = section(name, printed.getvalue(), conditions(load))
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), name, new), encoding="utf-8")
