"""`make mutants`: whether the tests notice when the heart of the code is changed. Hours for all of it.

`NAMED` are changes that once survived, each with the tests that must fail by it: minutes, `python -m
spotify_assets_tests.mutants named`. `TARGETS` are modules of whose every operator, number and branch, and of whose
every comparison in SQL, mutants are made (`mutating`), each shown to those of the module's own tests that run its line
(`choosing`). Nine of ten must be killed, and each survivor, which is printed, be listed with a reason in `EQUIVALENT`.
`--sample 20` takes so many of each module, by chance and always the same ones; `--seconds 30` shows none to tests of
more than that together, for a first look; `--again LOG` takes those that an earlier output has. Mutants live in a copy
of the tree, so that an interrupted run leaves nothing behind.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spotify_assets_tests.choosing import Profile, lines_run
from spotify_assets_tests.mutating import Change, changes, copied_tree, noticed, profiled, run

ROOT = Path(__file__).parents[1]
_TESTS = "spotify_assets_tests"


@dataclass(frozen=True)
class Mutant:
    """`was` stands once in `file`; with `becomes` in its place, one of `tests` must fail."""

    what: str
    file: str
    was: str
    becomes: str
    tests: tuple[str, ...]


NAMED = (
    Mutant(
        "the vacuum forgets that a commit names its quarantine",
        "spotify_assets/lake/vacuum.py",
        "    if commit.quarantine_key:\n        yield commit.quarantine_key\n",
        "",
        (f"{_TESTS}/lake/test_vacuum.py",),
    ),
    Mutant(
        "the vacuum reads the commits before it lists",
        "spotify_assets/lake/vacuum.py",
        "        old = [file for file in store.list(prefix) if now - file.last_modified > KEEP]\n"
        "        days = sorted({day for file in old if (day := day_of(file.key))})\n"
        "        commits, unreadable = watch.readable_commits(store, days)\n",
        "        days = sorted({day for file in store.list(prefix) if (day := day_of(file.key))})\n"
        "        commits, unreadable = watch.readable_commits(store, days)\n"
        "        old = [file for file in store.list(prefix) if now - file.last_modified > KEEP]\n",
        (f"{_TESTS}/lake/test_vacuum.py",),
    ),
    Mutant(
        "the events sensor forgets dates past those of one tick",
        "spotify_assets/automation/sensors.py",
        " | set(later)",
        "",
        (f"{_TESTS}/automation/test_lake_events.py",),
    ),
    Mutant(
        "an empty name wins over a name",
        "glue_scripts/tables.py",
        "case when {name} <> '' then 0 else 1 end, playlist_id, position",
        "case when {name} <> '' then 1 else 0 end, playlist_id, position",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "an artist's credits win in another order",
        "glue_scripts/tables.py",
        "order by case when name <> '' then 0 else 1 end, playlist_id, position, credited_on, credit_position",
        "order by case when name <> '' then 0 else 1 end, playlist_id, position, credit_position, credited_on",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "the first day of 1970 counts as a day",
        "glue_scripts/tables.py",
        "case when added_at not like '1970-01-01%' then",
        "case when true then",
        (f"{_TESTS}/engines/test_duckdb_engine.py", f"{_TESTS}/engines/test_oddities.py"),
    ),
    Mutant(
        "a call of the minute that has just left the budget's window counts for ever",
        "spotify_assets/spotify/budget.py",
        "minute + _MINUTE + WINDOW > now",
        "minute + _MINUTE + WINDOW >= now",
        (f"{_TESTS}/spotify/test_budget.py",),
    ),
    Mutant(
        "a 429 of Snowflake is final",
        "spotify_assets/resources/warehouse_snowflake.py",
        "status in (408, 429)",
        "status in (408,)",
        (f"{_TESTS}/resources/test_warehouse_snowflake.py::test_what_snowflake_says_about_sql_is_never_transient",),
    ),
    Mutant(
        "an object is rejected before its reason is written",
        "spotify_assets/spotify/landing.py",
        '    _record(store, f"{target}.reason.json", dropped, adopted, [reason])\n'
        "    return _moved(folder, dropped, target, Outcome(dropped.name, adopted, rejected=_utf8(reason), "
        "moved_to=target))\n",
        "    moved = _moved(folder, dropped, target, Outcome(dropped.name, adopted, rejected=_utf8(reason), "
        "moved_to=target))\n"
        '    _record(store, f"{target}.reason.json", dropped, adopted, [reason])\n'
        "    return moved\n",
        (f"{_TESTS}/spotify/test_landing.py",),
    ),
)

TARGETS: dict[str, tuple[str, ...]] = {
    "glue_scripts/commit.py": ("glue_scripts/test_commit.py", "lake/test_state.py"),
    "glue_scripts/contract.py": (
        "glue_scripts/test_contract.py",
        "test_generated_docs.py",
        "lake/test_catalog_tables.py",
    ),
    "glue_scripts/fingerprint.py": ("glue_scripts/test_fingerprint.py",),
    "glue_scripts/judging.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/lake_files.py": ("glue_scripts", "engines/test_duckdb_engine.py"),
    "glue_scripts/leaves.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/manifest.py": ("glue_scripts/test_manifest.py",),
    "glue_scripts/raw_reader.py": ("engines/test_duckdb_engine.py", "glue_scripts/test_spark_reader.py"),
    "glue_scripts/spans.py": ("glue_scripts/test_spans.py",),
    "glue_scripts/tables.py": (
        "engines/test_complete_snapshots.py",
        "engines/test_duckdb_engine.py",
        "engines/test_oddities.py",
        "glue_scripts/test_spark_reader.py",
    ),
    "spotify_assets/automation/planning.py": ("automation/test_planning.py",),
    "spotify_assets/lake/state.py": ("lake/test_state.py",),
    "spotify_assets/lake/vacuum.py": ("lake/test_vacuum.py",),
    "spotify_assets/sql/dimension_*.sql": ("warehouse/test_marts.py", "warehouse/test_incremental.py"),
    "spotify_assets/sql/marts/*.sql": (
        "warehouse/test_histories.py",
        "warehouse/test_marts.py",
        "warehouse/test_incremental.py",
    ),
    "spotify_assets/sql/state/*.sql": (
        "warehouse/test_state.py",
        "warehouse/test_marts.py",
        "warehouse/test_incremental.py",
    ),
    "spotify_assets/spotify/budget.py": ("spotify/test_budget.py",),
    "spotify_assets/spotify/responses.py": ("spotify/test_responses.py", "spotify/test_fault_matrix.py"),
    "spotify_assets/warehouse/loads.py": ("warehouse/test_loads.py",),
    "spotify_assets/warehouse/marts.py": (
        "warehouse/test_state.py",
        "warehouse/test_marts.py",
        "warehouse/test_code.py",
    ),
    "spotify_assets/warehouse/state.py": (
        "warehouse/test_state.py",
        "warehouse/test_loads.py",
        "warehouse/test_code.py",
    ),
}
"""Module, or a pattern of several, to the tests (below spotify_assets_tests) that are its own."""

_DAY_ONE = "no snapshot is of the first years of the calendar"

EQUIVALENT: dict[tuple[str, str, str | None], str] = {
    (
        "glue_scripts/tables.py",
        "union all",
        "union",
    ): "a line, an entry and a leaf are each listed once: no rows are equal",
    (
        "glue_scripts/tables.py",
        "union all select snapshot_date, 0, 0, count(*) from playlist_leaves group by snapshot_date",
        "union select snapshot_date, 0, 0, count(*) from playlist_leaves group by snapshot_date",
    ): "no other row has leaves and no entries",
    **{
        ("spotify_assets/warehouse/marts.py", "_EVER = dt.date(1, 1, 1)", f"_EVER = dt.date({other})"): _DAY_ONE
        for other in (" 2, 1, 1", "1, 2, 1", "1, 1, 2")
    },
    **{
        ("spotify_assets/warehouse/state.py", "_VIEW_DAY = dt.date(1, 1, 1)", f"_VIEW_DAY = dt.date({other})"): _DAY_ONE
        for other in (" 2, 1, 1", "1, 2, 1", "1, 1, 2")
    },
    (
        "spotify_assets/sql/state/agreed.sql",
        "SELECT snapshot_date, MAX(run_id) AS run_id",
        "SELECT snapshot_date, min(run_id) AS run_id",
    ): "all of them are the same run",
    (
        "spotify_assets/sql/marts/playlist_week.sql",
        "LEFT JOIN FACTS.SONG_STAYS AS s",
        "join FACTS.SONG_STAYS AS s",
    ): "every song of a whole snapshot has its stay",
    (
        "spotify_assets/sql/marts/song_stays.sql",
        "UNION ALL",
        "union",
    ): "the stays until now are snapshot 0, the others from 1",
    (
        "spotify_assets/sql/marts/song_stays_since.sql",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date < u.last_on) = 0 THEN MAX(u.last_on) END AS since",
        "CASE WHEN COUNT_IF(t.was_applied OR t.snapshot_date <= u.last_on) = 0 THEN MAX(u.last_on) END AS since",
    ): "a touched snapshot is not the last of the untouched",
    ("spotify_assets/warehouse/state.py", "continue", "break"): "a warehouse answers with dates: no row is passed over",
    ("spotify_assets/warehouse/marts.py", "LOOK_BACK = dt.timedelta(days=45)", None): (
        "tuning: what lies further back is looked for by the statement that follows"
    ),
    **{
        (
            "spotify_assets/warehouse/marts.py",
            "since = first - LOOK_BACK if first.toordinal() > LOOK_BACK.days else _EVER",
            f"since = first - LOOK_BACK if {condition} else _EVER",
        ): "only how many days are read; the statement that follows looks at all of them"
        for condition in (
            "not first.toordinal() > LOOK_BACK.days",
            "first.toordinal() >= LOOK_BACK.days",
            "first.toordinal() <= LOOK_BACK.days",
        )
    },
    ("spotify_assets/warehouse/marts.py", "def select_statement(name: str, dates: int = 1) -> str:", None): (
        "the default is for marts that bind no dates"
    ),
    ("spotify_assets/warehouse/marts.py", "def insert_statement(name: str, dates: int = 1) -> str:", None): (
        "the default is for marts that bind no dates"
    ),
    **{
        (
            "spotify_assets/warehouse/marts.py",
            "bounds = [weeks[0] - dt.timedelta(days=7), weeks[-1] + dt.timedelta(days=7)]",
            f"bounds = [weeks[0] - dt.timedelta(days={before}), weeks[-1] + dt.timedelta(days={after})]",
        ): "a day more is read, of a week that is not shown"
        for before, after in ((" 8", "7"), ("7", " 8"))
    },
    ("glue_scripts/raw_reader.py", "MAX_LINE_BYTES = 16 * 1024 * 1024", None): (
        "a bound far above any page of Spotify's, and below what harms memory; no exact number is promised"
    ),
    ("glue_scripts/lake_files.py", "PARALLEL_READS = 16", None): "tuning: as many as pay off, whichever number that is",
    (
        "glue_scripts/lake_files.py",
        'retries = Config(retries={"max_attempts": 10, "mode": "standard"}, max_pool_connections=PARALLEL_READS)',
        None,
    ): "tuning: a few tries more or less before a Glue worker gives up, which Spark starts again",
    (
        "glue_scripts/lake_files.py",
        's3_client().delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})',
        None,
    ): "S3 then also names what it deleted, which nobody reads",
    (
        "spotify_assets/lake/state.py",
        "_PARALLEL_LISTINGS = 16",
        None,
    ): "tuning: how many requests are under way at once",
    (
        "spotify_assets/lake/state.py",
        "if known is None or raw > known[0]:",
        "if known is None or raw >= known[0]:",
    ): "no store lists the same key twice",
    (
        "spotify_assets/lake/state.py",
        "return dict(zip(days, sources, strict=True))",
        "return dict(zip(days, sources, strict=False))",
    ): "a pool's map gives one for each",
    ("spotify_assets/lake/state.py", "_READ_TOGETHER = 64", None): "tuning: how many objects are in memory at once",
    (
        "spotify_assets/automation/planning.py",
        "return min(self.longest_pause, self.first_pause * self.pause_growth ** min(tries - 1, 10))",
        None,
    ): "from the fourth failure on it is the longest pause; the 10 only keeps the power small",
    (
        "spotify_assets/automation/planning.py",
        "if not first <= day <= last:",
        "if not first < day <= last:",
    ): "the range begins at `first` already",
    ("spotify_assets/spotify/budget.py", "indent=1,", "indent= 2,"): "as readable for a person, and the same JSON",
    ("spotify_assets/spotify/budget.py", "granted = 0  # by the last call of `change`", None): (
        "a store's update calls it at least once, and it begins with a 0 of its own"
    ),
    (
        "spotify_assets/spotify/responses.py",
        "status: int = 0",
        None,
    ): "whoever gives no status gives an error, which counts",
    (
        "spotify_assets/spotify/responses.py",
        "if 300 <= reply.status <= 399:",
        "if 299 <= reply.status <= 399:",
    ): "299 is answered above",
    (
        "spotify_assets/spotify/responses.py",
        "if reply.status < 400:",
        "if reply.status < 399:",
    ): "of a redirect nothing is shown but its number",
}
"""(module, what stood there, what stands there in the mutant) to why nobody could tell; lines without their margins.

None in the last place: whatever stands there.
"""


def is_equivalent(module: str, change: Change) -> bool:
    """Whether nobody could tell, by `EQUIVALENT`."""
    return any((module, change.was, becomes) in EQUIVALENT for becomes in (change.becomes, None))


say = partial(print, flush=True)

_SHARE = 0.9
"""Of the mutants of all modules, so many must be killed."""


def killed(tree: Path, mutant: Mutant) -> bool:
    """Whether the tests notice a named mutant; the tree is as before."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.was) != 1:
        raise RuntimeError(f"{mutant.file} has {text.count(mutant.was)} of {mutant.was!r}: write the mutant anew.")
    return not run(tree, mutant.tests, {mutant.file: text.replace(mutant.was, mutant.becomes)})


def targets(names: Sequence[str]) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """The files of each of `TARGETS` that begin as one of `names` (all, when there is none), and their tests."""
    for pattern, tests in TARGETS.items():
        modules = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(pattern))]
        if chosen := [module for module in modules if not names or module.startswith(tuple(names))]:
            yield chosen, tuple(f"{_TESTS}/{test}" for test in tests)


def survivors(
    tree: Path, module: str, profile: Profile, some: Iterable[Change], lately: list[str], most: float = math.inf
) -> Iterator[Change]:
    """Those of `some` changes of a module that no test notices. One that makes them ten times as slow is noticed.

    `lately` are the tests that noticed others, the last one first; it goes from module to module. A mutant is shown to
    tests of `most` seconds together, as they took without a change.
    """
    for change in some:
        tests = profile.of(lines_run(tree / module, change.line))
        tests.sort(key=lambda test: lately.index(test) if test in lately else len(lately))
        spent = itertools.accumulate(profile.seconds[test] for test in tests)
        tests = [test for test, seconds in zip(tests, spent, strict=True) if seconds <= most]
        seconds = 30 + 10 * sum(profile.seconds[test] for test in tests)
        by = noticed(tree, module, change.text, tests, seconds) if tests else None
        if by is None:
            yield change
        else:
            lately[:] = [by, *(test for test in lately if test != by)]


def chosen(tree: Path, module: str, again: set[tuple[str, str, str]] | None, sample: int) -> list[Change]:
    """The mutants of a module that are asked for."""
    made = [change for make in changes(tree / module) if (change := make())]
    if again is not None:
        made = [change for change in made if (module, change.was, change.becomes) in again]
    return random.Random(module).sample(made, min(sample, len(made))) if sample else made


def printed(log: str) -> set[tuple[str, str, str]]:
    """The survivors in an earlier output: module, what stood there, what stands there in the mutant."""
    return set(re.findall(r"^(\S+):\d+\n    - (.*)\n    \+ (.*)$", log, re.MULTILINE))


def main(arguments: list[str]) -> int:
    """All of it, or what is named; 1 when too many survive, or one that is not known to be equivalent."""
    parser = argparse.ArgumentParser(prog="python -m spotify_assets_tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="'named', or the beginnings of modules' paths")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="at most N mutants of each module")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, help="show a mutant to the first tests, so many seconds"
    )
    parser.add_argument("--again", type=Path, metavar="LOG", help="only the survivors in this output of an earlier run")
    given = parser.parse_args(arguments)
    again = printed(given.again.read_text(encoding="utf-8")) if given.again else None
    failed = total = alive = 0
    lately: list[str] = []
    with tempfile.TemporaryDirectory(prefix="spotify_assets_mutants_") as scratch:
        tree = copied_tree(ROOT, Path(scratch))
        if not given.names or "named" in given.names:
            for mutant in NAMED:
                dead = killed(tree, mutant)
                failed += not dead
                say(f"{'killed  ' if dead else 'SURVIVED'}  {mutant.what}")
        for modules, tests in targets(given.names):
            made = {module: chosen(tree, module, again, given.sample) for module in modules}
            profiles = profiled(tree, modules, tests) if any(made.values()) else {}
            for module in filter(made.get, modules):
                unknown = [change for change in made[module] if not is_equivalent(module, change)]
                left = 0
                for change in survivors(tree, module, profiles[module], unknown, lately, given.seconds):
                    left += 1
                    say(f"{module}:{change.line}\n    - {change.was}\n    + {change.becomes}")
                count, equivalent = len(made[module]), len(made[module]) - len(unknown)
                failed, total, alive = failed + left, total + count, alive + left + equivalent
                dead = count - left - equivalent
                say(f"{module}: {dead} of {count} killed, {equivalent} equivalent, {left} survived")
    if total:
        say(f"{1 - alive / total:.1%} of {total} mutants killed")
    return int(bool(failed) or (total > 0 and 1 - alive / total < _SHARE))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
