"""The table of docs/mutants.md: what the last complete run over each part gave, written by `make mutants`.

A part is a line of `TARGETS`; only a run over all mutants of it, shown to all its tests, changes its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

HEAD = """\
| part | mutants | killed | equivalent | survived | CPU minutes | on |
|---|---:|---:|---:|---:|---:|---|
"""
_ROWS = re.compile(rf"(?<={re.escape(HEAD)})(\|.*\n)*")


@dataclass(frozen=True)
class Row:
    """One part: of its mutants, those that a test noticed, that are listed as equivalent, and that survived; the CPU
    minutes it took, and the date (ISO)."""

    part: str
    mutants: int
    killed: int
    equivalent: int
    survived: int
    minutes: float
    on: str

    def __str__(self) -> str:
        counts = f"{self.mutants} | {self.killed} | {self.equivalent} | {self.survived} | {self.minutes:.1f}"
        return f"| `{self.part}` | {counts} | {self.on} |\n"

    @staticmethod
    def read(line: str) -> Row:
        """A row as it is written."""
        part, mutants, killed, equivalent, survived, minutes, on = (cell.strip(" `") for cell in line.split("|")[1:-1])
        return Row(part, int(mutants), int(killed), int(equivalent), int(survived), float(minutes), on)


def rows(page: str) -> list[Row]:
    """The rows of a page's table, without the sum."""
    found = _ROWS.search(page)
    if found is None:
        raise ValueError(f"The page has no table of mutants, whose head is {HEAD!r}.")
    return [Row.read(line) for line in found[0].splitlines() if not line.startswith("| `all`")]


def summed(some: Iterable[Row]) -> Row:
    """The row of all of them, with the oldest date."""
    some = list(some)
    return Row(
        "all",
        sum(row.mutants for row in some),
        sum(row.killed for row in some),
        sum(row.equivalent for row in some),
        sum(row.survived for row in some),
        sum(row.minutes for row in some),
        min(row.on for row in some),
    )


def with_row(page: str, row: Row, parts: Iterable[str]) -> str:
    """The page with the row of a part in its place among `parts`, and the sum."""
    by_part = {one.part: one for one in [*rows(page), row]}
    ordered = [by_part[part] for part in parts if part in by_part]
    return _ROWS.sub(lambda _: "".join(map(str, [*ordered, summed(ordered)])), page)
