"""Homes that can't be used, on the command line: one sentence and a remedy each, and never a traceback.

Everything runs in processes that permissions bind: root's are started without the capabilities that override them
(setpriv), and the full disk is a small file system that exists for that process only (unshare, mount).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
MODULE = "spotify_assets_tests.commands.bound_commands"


@dataclass(frozen=True)
class Answer:
    """What one command left: its exit code, what it printed, and a traceback if it crashed."""

    code: int
    output: str
    error: str
    traceback: str


def clean_environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}


def run(calls: Sequence[tuple[Path, Sequence[str]]], folder: Path, *, prelude: str = "") -> list[Answer]:
    """The answers to `calls` (home, arguments); `prelude` is shell run first, in a mount namespace of its own."""
    command = [sys.executable, "-m", MODULE]
    if AS_ROOT:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    if prelude:
        command = ["unshare", "-m", "sh", "-ec", f'{prelude}; exec "$@"', "-", *command]
    done = subprocess.run(
        command,
        input=json.dumps([(str(home), list(arguments)) for home, arguments in calls]),
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment(folder),
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Answer(**json.loads(line)) for line in done.stdout.splitlines()]


def check_told(answer: Answer, *words: str) -> None:
    """One sentence that names the thing, and its remedy below it."""
    assert not answer.traceback
    assert "Traceback" not in answer.output + answer.error
    assert answer.code == 1
    told = answer.error.splitlines()
    assert len(told) == 2, answer
    assert told[0].startswith("Error: ")
    assert told[1].startswith("  ")
    for word in words:
        assert word in answer.error, answer


COMMANDS = {
    "budget": ["budget"],
    "build": ["build"],
    "demo": ["demo"],
    "doctor": ["doctor"],
    "home": ["home"],
    "import": ["import", "playlist.json"],
    "sql": ["sql", "select 1"],
}
SENTENCES = {
    "a file": "not a directory",
    "below a file": "not a directory",
    "read-only": "permission denied",
    "closed": "permission denied",
    "in /proc": "no such file or directory",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with the homes in it."""
    if AS_ROOT and not shutil.which("setpriv"):
        pytest.skip("without setpriv root is bound by nothing: what homes without permission do stays unproven")
    folder = tmp_path_factory.mktemp("homes")
    (folder / "playlist.json").write_text("{}")
    (folder / "file").write_text("x")
    (folder / "read-only").mkdir(mode=0o555)
    (folder / "closed").mkdir(mode=0o000)
    yield folder
    (folder / "closed").chmod(0o755)


GOOD = 'it\'s 100% [mine] #1; "ü☃" {x} $HOME & k=v'
NO_DATABASE = "why?", "a%20b"
DAMAGED = {
    "warehouse/warehouse/SPOTIFY_ASSETS.db": b"no database" * 1000,
    "runs/dagster_home/history/runs.db": b"no database" * 1000,
    "yaml/dagster_home/dagster.yaml": b"run_retries: [",
}
ALSO = [
    *((GOOD, command) for command in ("build", "sql")),
    *((home, command) for home in NO_DATABASE for command in ("build", "demo", "home")),
    ("why?", "sql"),
    ("warehouse", "sql"),
    ("runs", "build"),
    ("yaml", "build"),
]
"""Homes in the working folder, and what is called there."""


@pytest.fixture(scope="module")
def answers(folder: Path) -> dict[tuple[str, str], Answer]:
    """What each command says in each home, asked in one process: starting one takes longer than most answers."""
    homes = {
        "a file": folder / "file",
        "below a file": folder / "file" / "home",
        "read-only": folder / "read-only",
        "closed": folder / "closed",
        "in /proc": Path("/proc/1/nothing"),
    }
    for name, content in DAMAGED.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
    table = {(home, command): (homes[home], COMMANDS[command]) for home in homes for command in COMMANDS}
    table |= {(home, command): (folder / home, COMMANDS[command]) for home, command in ALSO}
    return dict(zip(table, run(list(table.values()), folder), strict=True))


@pytest.mark.parametrize("home", SENTENCES)
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "doctor"])
def test_a_home_that_cant_be_used_is_one_sentence_and_a_remedy(
    home: str, command: str, answers: dict[tuple[str, str], Answer]
) -> None:
    answer = answers[home, command]

    check_told(answer)
    assert SENTENCES[home] in answer.error.lower()
    assert "SPOTIFY_ASSETS_HOME" in answer.error


@pytest.mark.parametrize("home", SENTENCES)
def test_the_doctor_finds_it_and_looks_at_the_rest(home: str, answers: dict[tuple[str, str], Answer]) -> None:
    answer = answers[home, "doctor"]

    assert (answer.code, answer.traceback, answer.error) == (1, "", "")
    lines = answer.output.splitlines()
    for end in ("lake", "warehouse"):
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"fix  {end}: ")]
        assert SENTENCES[home] in lines[place].lower()
        assert "SPOTIFY_ASSETS_HOME" in lines[place + 1]
    assert any(line.startswith("ok   engine: ") for line in lines)


def test_a_full_disk_is_one_sentence_and_a_remedy(folder: Path) -> None:
    if not AS_ROOT or not shutil.which("unshare"):
        pytest.skip("only root can mount a small file system: what a full disk does stays unproven")
    small = folder / "small"
    small.mkdir()
    fill = f"mount -t tmpfs -o size=64k tmpfs '{small}'; head -c 60k /dev/zero > '{small}/fill'"

    build, demo, sql, doctor = run(
        [(small, COMMANDS[name]) for name in ("build", "demo", "sql", "doctor")], folder, prelude=fill
    )

    check_told(build, "disk is full", "free some space")
    check_told(demo, "disk is full", "free some space")
    check_told(sql, "No space left on device", "free some space")
    assert not doctor.traceback
    assert "fix  warehouse: " in doctor.output


def test_a_home_of_odd_characters_works(answers: dict[tuple[str, str], Answer]) -> None:
    for command in ("build", "sql"):
        answer = answers[GOOD, command]
        assert (answer.code, answer.traceback) == (0, "")


def test_a_home_that_a_database_can_not_open_is_refused_with_a_remedy(answers: dict[tuple[str, str], Answer]) -> None:
    refused = [answer for (home, _), answer in answers.items() if home in NO_DATABASE]

    assert len(refused) == 7
    for answer in refused:
        check_told(answer, "SPOTIFY_ASSETS_HOME")


def test_damaged_files_are_named_with_what_to_do(folder: Path, answers: dict[tuple[str, str], Answer]) -> None:
    asked, runs, yaml = answers["warehouse", "sql"], answers["runs", "build"], answers["yaml", "build"]

    check_told(asked, f"{folder}/warehouse/warehouse/SPOTIFY_ASSETS.db", "move it and the .wal file")
    check_told(runs, str(folder / "runs" / "dagster_home"), "not a database", "move the folder away")
    check_told(yaml, "dagster.yaml", "move it away to have it written anew")


def test_the_command_itself_leaves_no_traceback(folder: Path) -> None:
    """The installed command, as a person types it; the table above goes through its `main`."""
    command = Path(sys.executable).with_name("spotify-assets")
    environment = {**clean_environment(folder), "SPOTIFY_ASSETS_HOME": str(folder / "file")}

    done = subprocess.run(
        [command, "budget"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    what, remedy = done.stderr.splitlines()
    assert what.lower() == f"error: {folder}/file/lake can't be used: not a directory.".lower()
    assert "SPOTIFY_ASSETS_HOME" in remedy
