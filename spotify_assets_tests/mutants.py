"""`make mutants`: whether the tests notice when the heart of the code is changed. Hours for all of it.

`NAMED` are changes that once survived, each with the tests that must fail by it: minutes, `python -m
spotify_assets_tests.mutants named`. `TARGETS` are modules of whose every operator, number and branch, and of whose
every comparison in SQL, mutants are made (`mutating`), each shown to those of the module's own tests that run its line
(`choosing`). Nine of ten must be killed, and each survivor, which is printed, be listed with a reason in `EQUIVALENT`
(all three in `mutant_lists`). `--sample 20` takes so many of each module, by chance and always the same ones;
`--seconds 30` shows none to tests of more than that together, for a first look; `--again LOG` takes those that survive
in an earlier output. A part's row in docs/mutants.md is written once all its mutants were shown to all its tests, now
or in that output. Mutants live in a copy of the tree, so that an interrupted run leaves nothing behind.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import math
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from spotify_assets_tests.choosing import Profile, lines_run
from spotify_assets_tests.mutant_lists import NAMED, TARGETS, WITH_SPARK, Mutant, is_equivalent
from spotify_assets_tests.mutant_table import Row, with_row
from spotify_assets_tests.mutating import (
    WITHOUT_SPARK,
    Change,
    adopt_orphans,
    changes,
    copied_tree,
    noticed,
    profiled,
    run,
)

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "mutants.md"
_TESTS = "spotify_assets_tests"

say = partial(print, flush=True)

_SHARE = 0.9
"""Of the mutants of several parts together, so many must be killed."""


def killed(tree: Path, mutant: Mutant) -> bool:
    """Whether the tests notice a named mutant; the tree is as before."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.was) != 1:
        raise RuntimeError(f"{mutant.file} has {text.count(mutant.was)} of {mutant.was!r}: write the mutant anew.")
    return not run(tree, mutant.tests, {mutant.file: text.replace(mutant.was, mutant.becomes)})


def files(part: str) -> list[str]:
    """The modules of one of `TARGETS`."""
    return [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(part))]


def survivors(
    tree: Path,
    module: str,
    profile: Profile,
    some: Iterable[Change],
    lately: list[str],
    most: float = math.inf,
    marks: str = WITHOUT_SPARK,
) -> Iterator[Change]:
    """Those of `some` changes of a module that no test notices. One that makes a test ten times as slow is noticed.

    `lately` are the tests that noticed others, the last one first; it goes from module to module. A mutant is shown to
    tests of `most` seconds together, as they took without a change, that have these `marks`.
    """
    for change in some:
        tests = profile.of(lines_run(tree / module, change.line)) or profile.of(None)  # another process may run it
        tests.sort(key=lambda test: lately.index(test) if test in lately else len(lately))
        spent = itertools.accumulate(profile.seconds[test] for test in tests)
        tests = [test for test, seconds in zip(tests, spent, strict=True) if seconds <= most]
        seconds = {test: 30 + 10 * profile.seconds[test] for test in tests}
        by = noticed(tree, module, change.text, seconds, marks) if tests else None
        if by is None:
            yield change
        else:
            lately[:] = [by, *(test for test in lately if test != by)]


def chosen(
    made: list[Change], module: str, again: set[tuple[str, str, str]] | None = None, sample: int = 0
) -> list[Change]:
    """Of the mutants of a module those that are asked for."""
    if again is not None:
        made = [change for change in made if (module, change.was, change.becomes) in again]
    return random.Random(module).sample(made, min(sample, len(made))) if sample else made


def printed(log: str) -> set[tuple[str, str, str]]:
    """The survivors in an earlier output: module, what stood there, what stands there in the mutant."""
    return set(re.findall(r"^(\S+):\d+\n    - (.*)\n    \+ (.*)$", log, re.MULTILINE))


def completed(row: Row, made: Mapping[str, list[Change]], log: str) -> Row | None:
    """A part's row by the output of an earlier run over all its mutants, of which `row` counts what then survived; None
    where the output is not of these mutants."""
    totals = {module: int(total) for module, total in re.findall(r"^(\S+): \d+ of (\d+) killed", log, re.MULTILINE)}
    minutes = re.search(rf"^{re.escape(row.part)}: (\S+) CPU minutes$", log, re.MULTILINE)
    if minutes is None or any(totals.get(module, 0) != len(changes) for module, changes in made.items()):
        return None
    total = sum(map(len, made.values()))
    equivalent = sum(is_equivalent(module, change) for module, changes in made.items() for change in changes)
    dead = total - equivalent - row.survived
    return replace(row, mutants=total, killed=dead, equivalent=equivalent, minutes=row.minutes + float(minutes[1]))


def one_part(tree: Path, part: str, made: dict[str, list[Change]], lately: list[str], most: float) -> Row:
    """Show the mutants of each module of a part to the part's tests, and print what survives."""
    marks = "not soak and not clouds" if part in WITH_SPARK else WITHOUT_SPARK
    began = _cpu_seconds()
    profiles = profiled(tree, list(made), [f"{_TESTS}/{test}" for test in TARGETS[part]], marks)
    counts: list[tuple[int, int, int, int]] = []
    for module, mutants in made.items():
        unknown = [change for change in mutants if not is_equivalent(module, change)]
        left = 0
        for change in survivors(tree, module, profiles[module], unknown, lately, most, marks):
            left += 1
            say(f"{module}:{change.line}\n    - {change.was}\n    + {change.becomes}")
        counts.append((len(mutants), len(unknown) - left, len(mutants) - len(unknown), left))
        say(f"{module}: {len(unknown) - left} of {counts[-1][0]} killed, {counts[-1][2]} equivalent, {left} survived")
    total, dead, equivalent, alive = map(sum, zip(*counts, strict=True))
    say(f"{part}: {(_cpu_seconds() - began) / 60:.1f} CPU minutes")
    minutes, today = (_cpu_seconds() - began) / 60, f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    return Row(part, total, dead, equivalent, alive, minutes, today)


def _cpu_seconds() -> float:
    """Of this process and of those that it waited for."""
    return sum(os.times()[:4])


def main(arguments: list[str]) -> int:
    """All of it, or what is named; 1 when one survives that is not known to be equivalent, or too many of all."""
    parser = argparse.ArgumentParser(prog="python -m spotify_assets_tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="'named', or the beginnings of modules' paths")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="at most N mutants of each module")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="show a mutant to the first tests, so many seconds"
    )
    parser.add_argument("--again", type=Path, metavar="LOG", help="only the survivors in this output of an earlier run")
    given = parser.parse_args(arguments)
    log = given.again.read_text(encoding="utf-8") if given.again else None
    again = None if log is None else printed(log)
    failed = 0
    rows: list[Row] = []
    lately: list[str] = []
    with tempfile.TemporaryDirectory(prefix="spotify_assets_mutants_") as scratch:
        tree = copied_tree(ROOT, Path(scratch))
        if not given.names or "named" in given.names:
            for mutant in NAMED:
                dead = killed(tree, mutant)
                failed += not dead
                say(f"{'killed  ' if dead else 'SURVIVED'}  {mutant.what}")
        for part in TARGETS:
            modules = [file for file in files(part) if not given.names or file.startswith(tuple(given.names))]
            made = {module: [change for make in changes(tree / module) if (change := make())] for module in modules}
            some = {module: chosen(made[module], module, again, given.sample) for module in modules}
            if not any(some.values()):
                continue
            row = one_part(tree, part, {module: each for module, each in some.items() if each}, lately, given.seconds)
            failed += row.survived
            whole = completed(row, made, log) if log is not None else None if given.sample else row
            if whole and modules == files(part) and given.seconds == math.inf:
                PAGE.write_text(with_row(PAGE.read_text(encoding="utf-8"), whole, TARGETS), encoding="utf-8")
            rows.append(whole or row)
    total, dead = sum(row.mutants for row in rows), sum(row.killed for row in rows)
    if total:
        say(f"{dead / total:.1%} of {total} mutants killed")
    return int(bool(failed) or (len(rows) > 1 and dead / total < _SHARE))


if __name__ == "__main__":
    adopt_orphans()
    raise SystemExit(main(sys.argv[1:]))
