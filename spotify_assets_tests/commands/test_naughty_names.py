"""Names that a program would act on, on the command line: shown exactly, and nothing is run."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.commands.terminal import one_line
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets_tests.naughty import NAUGHTY

ROOT = Path(__file__).parents[2]
QUESTION = "select place, name from lake.naughty order by place"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose warehouse has a table of them."""
    home = tmp_path_factory.mktemp("naughty")
    warehouse = EmbeddedWarehouse(folder=str(home / "warehouse"), database="SPOTIFY_ASSETS")
    places = ", ".join("(?, ?)" for _ in NAUGHTY)
    values = [value for place, name in enumerate(NAUGHTY) for value in (place, name)]

    def fill(session: object) -> None:
        session.execute("create table lake.naughty (place int, name varchar)")  # type: ignore[attr-defined]
        session.execute(f"insert into lake.naughty values {places}", values)  # type: ignore[attr-defined]

    warehouse.run(fill)
    return home


def ask(home: Path, style: str) -> str:
    result = CliRunner().invoke(main, ["sql", QUESTION, "--format", style], env={"SPOTIFY_ASSETS_HOME": str(home)})
    assert result.exit_code == 0, result.output
    return result.stdout_bytes.decode()  # as it is: `stdout` has other line ends


def test_csv_gives_every_name_back_exactly(home: Path) -> None:
    read = list(csv.reader(io.StringIO(ask(home, "csv"), newline="")))

    assert read == [["PLACE", "NAME"], *([str(place), name] for place, name in enumerate(NAUGHTY))]


def test_json_gives_every_name_back_exactly(home: Path) -> None:
    text = ask(home, "json")

    assert [row["NAME"] for row in json.loads(text)] == list(NAUGHTY)
    assert not acted_on(text)


def test_a_piped_table_has_every_name_whole_on_its_line(home: Path) -> None:
    text = ask(home, "table")

    shown = [line.split(maxsplit=1) for line in text.splitlines()[2:]]
    assert [one[0] for one in shown] == [str(place) for place in range(len(NAUGHTY))]
    for line, name in zip(text.splitlines()[2:], NAUGHTY, strict=True):
        assert one_line(name).rstrip() in line
    assert not acted_on(text)


MANY = ", ".join(f"{number} as a_long_name_of_column_{number}" for number in range(20))
SHOWN = {
    "table": ["sql", QUESTION, "--format", "table"],
    "csv": ["sql", QUESTION, "--format", "csv"],
    "json": ["sql", QUESTION, "--format", "json"],
    "many columns": ["sql", f"select {MANY}"],
}


@pytest.fixture(scope="module")
def shown(home: Path) -> dict[str, str]:
    """What commands write to a terminal of 60 columns."""
    return dict(zip(SHOWN, on_a_terminal(home, list(SHOWN.values()), columns=60), strict=True))


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_nothing_on_a_terminal_is_acted_on(shown: dict[str, str], style: str) -> None:
    text = shown[style]

    assert not acted_on(STYLE.sub("", text))
    if style == "table":
        assert all(len(line) <= 60 for line in STYLE.sub("", text).splitlines() if line.isascii())
        assert "[bold red]loud[/bold red]" in text
        assert "\\x1b[2J\\x1b[H" in text


def test_many_columns_on_a_narrow_terminal_become_a_block_for_each_row(shown: dict[str, str]) -> None:
    text = STYLE.sub("", shown["many columns"])

    assert "row 1" in text
    for number in range(20):
        assert re.search(rf"A_LONG_NAME_OF_COLUMN_{number} +{number}\s", text)


def acted_on(text: str) -> list[str]:
    """The characters of `text` that a terminal would act on."""
    return [
        one
        for one in text
        if (unicodedata.category(one) in ("Cc", "Zl", "Zp") and one not in "\n\t")
        or "\u202a" <= one <= "\u202e"
        or "\u2066" <= one <= "\u2069"
    ]


END = "-- the end of a command --"
ONE_AFTER_ANOTHER = f"""
import json, sys
from spotify_assets.cli import main

for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as ended:
        assert not ended.code, arguments
    print({END!r}, flush=True)
"""


def on_a_terminal(home: Path, commands: list[list[str]], *, columns: int) -> list[str]:
    """What each command writes to a terminal of that width; one process runs them."""
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SPOTIFY_ASSETS_HOME": str(home),
        "COLUMNS": str(columns),
        "TERM": "xterm",
    }
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(commands)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, cwd=home) as process:
        os.close(theirs)
        read = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is gone
                break
            if not part:
                break
            read += part
    os.close(ours)
    assert process.returncode == 0, read
    *written, rest = read.decode().replace("\r\n", "\n").split(f"{END}\n")
    assert rest == ""
    return written
