"""`make mutants`: whether the tests notice when the heart of the code is changed. Hours for all of it.

`NAMED` are changes that once survived, each with the tests that must fail by it: minutes, `python -m
spotify_assets_tests.mutants named`. `TARGETS` are modules whose every operator, number and branch cosmic-ray changes,
one at a time, against their own tests; survivors are printed with what was changed. Mutants live in a copy of the tree,
so that an interrupted run leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    "glue_scripts/commit.py": ("glue_scripts", "lake"),
    "glue_scripts/contract.py": ("test_generated_docs.py", "warehouse/test_statements.py"),
    "glue_scripts/fingerprint.py": ("glue_scripts", "local"),
    "glue_scripts/judging.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/leaves.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "glue_scripts/manifest.py": ("glue_scripts", "engines/test_glue_engine.py"),
    "glue_scripts/raw_reader.py": ("engines/test_duckdb_engine.py",),
    "glue_scripts/tables.py": ("engines/test_duckdb_engine.py", "engines/test_oddities.py"),
    "spotify_assets/automation/planning.py": ("automation/test_planning.py", "automation/test_stale_dates.py"),
    "spotify_assets/lake/state.py": ("lake/test_state.py",),
    "spotify_assets/lake/vacuum.py": ("lake/test_vacuum.py",),
    "spotify_assets/spotify/budget.py": ("spotify/test_budget.py",),
    "spotify_assets/spotify/responses.py": ("spotify/test_responses.py", "spotify/test_fault_matrix.py"),
    "spotify_assets/warehouse/loads.py": ("warehouse/test_loads.py",),
    "spotify_assets/warehouse/marts.py": ("warehouse/test_marts.py",),
    "spotify_assets/warehouse/state.py": ("warehouse/test_marts.py", "warehouse/test_loads.py"),
}
"""Module to the tests (below spotify_assets_tests) that are its own."""

_SHARE = 0.9
"""Of the mutants of all modules, so many must be killed."""


def copied_tree(folder: Path) -> Path:
    """The tracked files in `folder`."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def tests_fail(tree: Path, tests: tuple[str, ...]) -> bool:
    """Whether one of `tests` fails in the tree."""
    there = [test for test in tests if (tree / test.partition("::")[0]).exists()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not soak and not spark", *there]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest could not run {there}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def killed(tree: Path, mutant: Mutant) -> bool:
    """Whether the tests notice the mutant; the tree is as before."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.was) != 1:
        raise RuntimeError(f"{mutant.file} has {text.count(mutant.was)} of {mutant.was!r}: write the mutant anew.")
    path.write_text(text.replace(mutant.was, mutant.becomes), encoding="utf-8")
    try:
        return tests_fail(tree, mutant.tests)
    finally:
        path.write_text(text, encoding="utf-8")


def survivors(tree: Path, module: str, tests: tuple[str, ...]) -> tuple[int, list[str]]:
    """(mutants, those that no test noticed, each as a diff) of a module."""
    paths = " ".join(f"{_TESTS}/{test}" for test in tests if (tree / _TESTS / test).exists())
    config, session = tree / "mutants.toml", tree / "mutants.sqlite"
    session.unlink(missing_ok=True)
    command = f"{sys.executable} -m pytest -x -q -p no:randomly -m 'not soak and not spark' {paths}"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{module}"\ntimeout = 600.0\nexcluded-modules = []\n'
        f'test-command = "{command}"\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    tool = Path(sys.executable).with_name("cosmic-ray")
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    for step in (["init", str(config), str(session)], ["exec", str(config), str(session)]):
        subprocess.run([str(tool), *step], cwd=tree, env=environment, check=True, capture_output=True)
    dump = subprocess.run([str(tool), "dump", str(session)], cwd=tree, check=True, capture_output=True, text=True)
    results = [json.loads(line)[1] for line in dump.stdout.splitlines()]
    alive = [result["diff"] for result in results if result and result["test_outcome"] == "survived"]
    return len(results), alive


def run_named(tree: Path) -> Iterator[tuple[Mutant, bool]]:
    """Every named mutant, and whether it was killed."""
    for mutant in NAMED:
        yield mutant, killed(tree, mutant)


def main(names: list[str]) -> int:
    """All of it, or `named`, or the modules named; 1 when too many survive."""
    print_ = sys.stdout.write
    failed = 0
    with tempfile.TemporaryDirectory(prefix="spotify_assets_mutants_") as scratch:
        tree = copied_tree(Path(scratch))
        if not names or "named" in names:
            for mutant, dead in run_named(tree):
                failed += not dead
                print_(f"{'killed  ' if dead else 'SURVIVED'}  {mutant.what}\n")
        total = alive = 0
        for module, tests in TARGETS.items():
            if names and module not in names:
                continue
            count, left = survivors(tree, module, tests)
            total, alive = total + count, alive + len(left)
            print_(f"{module}: {count - len(left)} of {count} killed\n")
            for diff in left:
                print_(f"{diff}\n")
    if total:
        print_(f"{1 - alive / total:.1%} of {total} mutants killed\n")
    return int(bool(failed) or (total > 0 and 1 - alive / total < _SHARE))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
